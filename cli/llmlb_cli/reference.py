"""The reference of the command line, written from the commands themselves: ``python -m llmlb_cli.reference``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import typer

from llmlb_cli.exits import MEANINGS
from llmlb_cli.groups import LazyGroup, LeafCommand, load, root
from llmlb_cli.output import line
from llmlb_cli.pages import option_tables, split_docstring
from llmlb_cli.tree import COMMANDS, SECTIONS, Noun, Verb, aliases_of

FILE = Path(__file__).parents[2] / "docs" / "cli.md"

_SHARED = ("Output", "Connection", "Consent", "Common")

_INTRODUCTION = """\
# The command line

`llmlb` runs the router and the agents, and operates the fleet from any terminal; `xllm` is the same program as
`llmlb agent`. This page is written from the commands themselves (`python -m llmlb_cli.reference`), so it says what
`llmlb COMMAND --help` says.

## Which router, with what credential

The router is, in this order: `--url`, `--context`, `LLMLB_URL`, `LLMLB_CONTEXT`, the context last logged in to,
`http://127.0.0.1:8080`. The credential is: `--token-file FILE` (`-` is stdin), `LLMLB_TOKEN` (a session's JWT or an
API key of scope admin), the context's login, and on the router's own machine the file `operator_token` in its data
directory, which the router keeps valid: there no login is needed. A stored credential goes only to the router it was
made for. `--token VALUE` is refused, because it would show in `ps` and in the shell's history.

`llmlb login` keeps the router under a name in `contexts.toml` (configuration directory, no secrets) and the session
in `credentials.toml` (state directory, mode 0600). `llmlb config path` shows where these files are. A context may hold
`ca_file`, `default_output`, and `confirm = "type-name"`, which asks for its name before anything dangerous.

Options of connection and output may also stand in front of the command: `llmlb --url URL nodes list`. The last place
wins, and a variable counts less than any of them.

## Output

stdout is data, stderr is narration: results and success lines go to stdout, notes, questions and errors to stderr.

| `-o` | what |
|---|---|
| `table` | for people; human units, `-` for what is unknown; cut to the terminal's width, whole on a pipe |
| `wide` | the same with more columns |
| `json` | one object: `{"apiVersion", "kind", "items", "meta"}` for lists, `"item"` instead for a single thing |
| `jsonl` | one JSON object a line |
| `yaml` | the same object as `json` |
| `csv`, `tsv` | raw values, the header holds the JSON names; a text that a spreadsheet would run gets a `'` in front |
| `name` | one id a line, for `xargs` and for `-f -` |

JSON, YAML, CSV and TSV hold raw values: seconds, milliseconds, percent, RFC 3339 in UTC. Keys are only ever added;
[cli-json.md](cli-json.md) lists them.
Lists also take `--fields id,state,gpu`, `--sort-by -gpu,id`, `--no-headers` and `--limit N`; a field may be any field
of the JSON, or a column's short name. Colour appears on a terminal only, never with `NO_COLOR`, `CLICOLOR=0` or
`TERM=dumb`, on a pipe with `FORCE_COLOR`; `--color always|never` overrules them. Nothing is told by colour alone. Text
that a node or client chose is stripped of control characters.

`--watch` shows a list every two seconds (`--interval`): at a terminal in its place, on a pipe the rows that changed
(an uptime that counts on is no change), with `-o json` and `-o jsonl` one `{"type": "ADDED"|"MODIFIED"|"DELETED",
"object"}` a line. A router that goes away is waited for; Ctrl-C ends it.

## Filters

`--filter` speaks the language of the console's `/`. On nodes it finds exactly what the console would show; on other
lists every column can be asked for, by its short name or its JSON name, and every other field of the JSON.

| write | for |
|---|---|
| `gpu-e` | a part of an id, a name or a tag |
| `state:pending` | also `online`, `offline`, `draining`, `late`, `excluded`, `attention`; first letters are enough |
| `gpu>80`, `seen>30s`, `total>=1k`, `avg<200ms` | figures, with their unit; `gpu:-` is unknown |
| `model:llama*`, `tag:pool=chat`, `name="rack 3"` | texts: a part, with `*` and `?`, or the whole |
| `created>1d` | of an instant, how long ago |
| `/re.*x/` | a regular expression over the texts of a bare word |
| `a b`, `a or b`, `!a`, `( )` | and, or, not, groups |

## Which nodes

The verbs that change nodes take ids, `-f FILE` (one id a line; `-f -` is stdin), `--filter QUERY` and, where it fits,
`--all-pending`. A filter chooses only nodes that the verb means something for: `approve` pending ones, `undrain`
drained ones. `alerts ack` and `silence`, `keys revoke` and `users delete` take several in the same way. `--dry-run`
says what a command would do and sends nothing that changes anything; a node or a user that is not there, and words
that a router refuses, fail as without it.

## Questions

Approving, undraining or setting one node asks nothing, nor does one alert; several ask y/N. Draining, rejecting,
revoking and the password of somebody else ask y/N and say what it means. Deleting asks for the id (several: for their
number), and so does a change of thresholds that passes over more than a tenth of the online nodes. `--yes` answers a
y/N; what must be typed needs `--confirm=TEXT`. Where nobody can be asked (a pipe, `--no-input`) the command ends with
2 and names the flag. Between question and answer a node may change: then nothing happens, and the exit code is 7.
"""

_ENVIRONMENT: Mapping[str, str] = {
    "LLMLB_URL": "the router",
    "LLMLB_TOKEN": "the credential: a session's JWT or an API key of scope admin",
    "LLMLB_CONTEXT": "the context",
    "LLMLB_OUTPUT": "the output format",
    "LLMLB_TIMEOUT": "the longest wait for the router, in seconds",
    "LLMLB_CA_FILE": "the CA of an https router",
    "LLMLB_NO_INPUT": "`1`: never ask",
    "LLMLB_CONFIG_DIR, LLMLB_STATE_DIR, LLMLB_DATA_DIR": "where files are kept",
    "NO_COLOR, CLICOLOR=0, TERM=dumb": "no colour",
}


def reference() -> str:
    """The whole page."""
    parts = [_INTRODUCTION, _exit_codes(), _environment(), _shared_options()]
    tree = root()
    at_root = typer.Context(tree, info_name="llmlb")
    for title, names in SECTIONS.items():
        parts.append(f"## {title}\n")
        parts += [section for name in names for section in _sections(tree, at_root, name)]
    return "\n".join(parts)


def _sections(tree: LazyGroup, at_root: typer.Context, name: str) -> Iterator[str]:
    match COMMANDS[name]:
        case Verb():
            yield _command(tree.get_command(at_root, name), at_root)
        case Noun() as noun:
            group = tree.get_command(at_root, name)
            assert isinstance(group, LazyGroup), "a noun leads to its verbs"
            at_noun = typer.Context(group, info_name=name, parent=at_root)
            others = ", ".join(f"`llmlb {other}`" for other in aliases_of(name))
            yield f"### llmlb {name}\n\n{noun.summary}.{f' Also as {others}.' if others else ''}\n"
            for verb in noun.verbs:
                yield _command(group.get_command(at_noun, verb), at_noun)


def _command(command: object, parent: typer.Context) -> str:
    assert isinstance(command, LeafCommand), "what is not a noun is a verb"
    context = typer.Context(command, info_name=command.name, parent=parent)
    text, examples = split_docstring(command.help or "")
    lines = [f"### {context.command_path}", "", *_paragraphs(text), ""]
    if examples:
        lines += ["```sh", *examples, "```", ""]
    tables = option_tables(command, context)
    if rows := [row for title in ("Arguments", "Options") for row in tables.get(title, ())]:
        lines += [*_option_table(rows), ""]
    if shared := [title.lower() for title in _SHARED[:-1] if title in tables]:
        lines += [
            f"And the [shared options](#shared-options) of {' and '.join(', '.join(shared).rsplit(', ', 1))}.",
            "",
        ]
    return "\n".join(lines)


def _shared_options() -> str:
    """The options that many commands take, once: those of a verb that takes them all."""
    verb = Verb("nodes:list_nodes", "", "output listing connection consent")
    command = load("list", verb)
    tables = option_tables(command, typer.Context(command, info_name="list"))
    lines = ["## Shared options", "", "Every command also takes `-h` and `--help`.", ""]
    for title in _SHARED:
        lines += [f"{title}:", "", *_option_table(tables[title]), ""]
    return "\n".join(lines)


def _option_table(rows: Sequence[tuple[str, str]]) -> list[str]:
    return ["| option | what |", "|---|---|", *(_row(f"`{name}`", " ".join(text.split())) for name, text in rows)]


def _paragraphs(text: str) -> list[str]:
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]
    return "\n\n".join(paragraphs).splitlines()


def _exit_codes() -> str:
    rows = (_row(str(int(code)), meaning) for code, meaning in MEANINGS.items())
    return "\n".join(["## Exit codes", "", "| code | meaning |", "|---|---|", *rows, "", _ERRORS])


_ERRORS = """\
An error names its cause, the router it happened at, and the next step. With `-o json` it is one object on stderr:
`{"error": {"code", "message", "hint", "request_id", "exit_code"}}`. There is never a traceback: what nobody foresaw is
written to a file, and the error names it.
"""


def _environment() -> str:
    rows = [_row(", ".join(f"`{each}`" for each in names.split(", ")), what) for names, what in _ENVIRONMENT.items()]
    return "\n".join(["## Environment", "", "| variable | what |", "|---|---|", *rows, ""])


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    FILE.write_text(reference(), encoding="utf-8")
    line(f"wrote {FILE}")

"""Line numbers of keys, against documents whose lines are known."""

from __future__ import annotations

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.config.toml_lines import key_lines, line_of

_DOCUMENT = '''\
top = 1  # [not.a.table]

[server]
port = 1
trusted = [
  "a", # ] not the end
  "]",
]
note = """
[fake]
port = 2
quote \\""" and "" inside
"""
path = \'\'\'
[fake]
\'\'\'
after = "x # y" # z

[ nodes . "gpu.a" ]
api_key = 'k#k'
[nodes.b]
deep.er = {x = {y = 1}}
[[list]]
x = 1
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 1),
        (("server",), 3),
        (("server", "port"), 4),
        (("server", "trusted"), 5),
        (("server", "note"), 9),
        (("server", "path"), 14),
        (("server", "after"), 17),
        (("nodes", "gpu.a"), 19),
        (("nodes", "gpu.a", "api_key"), 20),
        (("nodes", "b"), 21),
        (("nodes", "b", "deep", "er"), 22),
        (("list",), 23),
    ],
)
def test_key_is_found_on_its_line(path: tuple[str, ...], line: int) -> None:
    tomllib.loads(_DOCUMENT)
    assert key_lines(_DOCUMENT)[path] == line


def test_table_inside_a_string_is_no_table() -> None:
    assert not [path for path in key_lines(_DOCUMENT) if "fake" in path or "not" in path]


def test_key_without_a_line_of_its_own_has_that_of_what_encloses_it() -> None:
    lines = key_lines(_DOCUMENT)
    assert line_of(lines, ("nodes", "b", "deep", "er", "x", "y")) == 22
    assert line_of(lines, ("server", "absent")) == 3
    assert line_of(lines, ("absent",)) == 1


_NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=6)
_VALUES = st.one_of(
    st.integers(-9, 9).map(str),
    st.just("1979-05-27T07:32:00Z"),
    st.just("[\n# ] comment\n[1, 2],\n]"),
    st.just("'''a'''' # it's ["),
    st.just('{a = "}", b = [1]}'),
    st.just("'''\n''[x]\n'''"),
    st.just('"""\n\\"""\n[x]"""""'),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8).map(
        lambda text: json.dumps(text, ensure_ascii=False)
    ),
)


@given(st.dictionaries(_NAMES, st.dictionaries(_NAMES, _VALUES, max_size=4), max_size=4), st.data())
def test_every_key_of_any_document_is_found_on_its_line(
    document: dict[str, dict[str, str]], data: st.DataObject
) -> None:
    lines: list[str] = []
    wanted: dict[tuple[str, ...], int] = {}
    for section, content in document.items():
        lines += data.draw(st.lists(st.sampled_from(["", "# [x]", "  "]), max_size=2))
        lines.append(f"[{json.dumps(section, ensure_ascii=False)}]")
        wanted[section,] = len(lines)
        for name, value in content.items():
            wanted[section, name] = len(lines) + 1
            lines += f"{json.dumps(name, ensure_ascii=False)} = {value} # = [".split("\n")
    text = "\n".join(lines)
    tomllib.loads(text)
    assert key_lines(text) == wanted


@given(st.text(alphabet="[]{}=\"'\\\n# ab."))
def test_whatever_is_valid_has_lines_for_all_its_top_keys(text: str) -> None:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert {path[0] for path in key_lines(text)} == set(document)

"""llmlb join-tokens list, create and delete"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from llmlb.client.address import segment
from llmlb_cli.consent import ask_yes
from llmlb_cli.context import Fields, router_of
from llmlb_cli.exits import ExitCode, Failure, note
from llmlb_cli.filtering import admitted
from llmlb_cli.instants import expiry
from llmlb_cli.made_once import make
from llmlb_cli.output import Listing, show
from llmlb_cli.registry import JOIN_TOKENS
from llmlb_cli.selection import named
from llmlb_cli.several import act_on_each, first_of, show_outcomes, show_rehearsal
from llmlb_cli.suggestions import did_you_mean

if TYPE_CHECKING:
    import typer

PATH = "/v0/join-tokens"


def list_join_tokens(ctx: typer.Context) -> None:
    """List the join tokens, spent and expired ones too, without the tokens themselves; HINT is how theirs ends.

    Examples:
      llmlb join-tokens list
      llmlb join-tokens list --filter 'uses:0 created>30d'
      llmlb join-tokens list -o json | jq '.items[] | select(.max_uses == .uses)'
    """
    router = router_of(ctx)
    rows = router.rows(PATH, "join_tokens")
    show(Listing("JoinTokenList", JOIN_TOKENS, rows, sort_by=("created_at",)), router.view)


def create_join_token(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the token is for.")],
    expires: Annotated[str, typer.Option(metavar="WHEN", help="30d, 12h or an RFC 3339 instant; default: never.")] = "",
    max_uses: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=1_000_000, help="Nodes that may register with it.")
    ] = None,
) -> None:
    """Create a token that lets nodes register. It is printed on stdout, once; the router keeps only its hash.

    A router asks for one where registration.require_join_token is on.

    Examples:
      llmlb join-tokens create rack-3 --max-uses 8 --expires 7d
      LLMLB_JOIN_TOKEN=$(llmlb join-tokens create ci -q)
      llmlb join-tokens create lab --dry-run
    """
    body = {"name": name, "expires_at": expiry(expires) if expires else None, "max_uses": max_uses}
    router = router_of(ctx)
    use = "A node shows it as llmlb agent --join-token TOKEN."
    make(router, PATH, body, kind="JoinToken", columns=JOIN_TOKENS, secret="token", use=use)


def delete_join_tokens(
    ctx: typer.Context,
    tokens: Annotated[list[str] | None, typer.Argument(metavar="[ID...]", help="The tokens' ids.")] = None,
    file: Annotated[str, typer.Option("-f", "--file", metavar="FILE", help="Read them, one a line; - is stdin.")] = "",
) -> ExitCode:
    """End join tokens at once. Nodes that registered with one stay.

    Examples:
      llmlb join-tokens delete join_3f9c2a1b7d04aa10
      llmlb join-tokens delete --filter 'created>30d' --dry-run
      llmlb join-tokens list -o name | llmlb join-tokens delete --yes -f -
    """
    router = router_of(ctx)
    ids = named(tokens or [], file, router.options.filter)
    rows = {str(row.get("id")): row for row in router.rows(PATH, "join_tokens")}
    if not ids:
        found = admitted("JoinTokenList", JOIN_TOKENS, [*rows.values()], router.options.filter)
        ids = [str(row.get("id")) for row in found]
    if not ids:
        note("no join token matches, nothing to do")
        return ExitCode.OK
    unknown = next((each for each in ids if each not in rows), "")
    if unknown:
        raise Failure(
            f'there is no join token "{unknown}" at {router.url}',
            exit_code=ExitCode.NOT_FOUND,
            hint=did_you_mean(unknown, rows) or "which there are: llmlb join-tokens list",
            context=router.description,
        )
    if router.options.dry_run:
        return show_rehearsal("JoinTokenOutcomeList", ids, router.view, verb="delete")
    what = f"{len(ids)} join {'token' if len(ids) == 1 else 'tokens'}"
    impact = [first_of([_named(rows[each]) for each in ids]), "no other node can register with it"]
    ask_yes(f"Delete {what}?", router.options, impact=impact)
    outcomes = act_on_each(ids, lambda each: router.fields("DELETE", f"{PATH}/{segment(each)}"))
    return show_outcomes(
        "JoinTokenOutcomeList", outcomes, router.view, past="deleted", words=lambda each: str(rows[each.id].get("name"))
    )


def _named(token: Fields) -> str:
    return f"{token.get('id')} ({token.get('name')})"

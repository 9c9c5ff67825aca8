"""llmlb keys list, create and revoke"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from llmlb.client.address import segment
from llmlb_cli.consent import ask_yes
from llmlb_cli.context import Fields, Router, router_of
from llmlb_cli.exits import ExitCode, Failure, note, usage
from llmlb_cli.filtering import admitted
from llmlb_cli.instants import expiry
from llmlb_cli.made_once import make
from llmlb_cli.output import Listing, line, show, show_object
from llmlb_cli.registry import API_KEYS
from llmlb_cli.selection import named
from llmlb_cli.several import act_on_each, first_of, show_outcomes, show_rehearsal
from llmlb_cli.suggestions import did_you_mean

if TYPE_CHECKING:
    import typer

PATH = "/v0/api-keys"
SCOPES = ("api", "metrics", "admin")


def list_keys(ctx: typer.Context) -> None:
    """List the API keys. The keys themselves are known to their holders alone; HINT is how theirs ends.

    Examples:
      llmlb keys list
      llmlb keys list -o json | jq '.items[] | select(.expires_at)'
      llmlb keys list --filter 'scopes:admin created>90d'
    """
    router = router_of(ctx)
    rows = router.rows(PATH, "api_keys")
    show(Listing("ApiKeyList", API_KEYS, rows, sort_by=("created_at",)), router.view)


def create_key(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the key is for.")],
    scope: Annotated[
        list[str] | None, typer.Option(metavar="SCOPE", help="api (default), metrics or admin; may be repeated.")
    ] = None,
    expires: Annotated[str, typer.Option(metavar="WHEN", help="30d, 12h or an RFC 3339 instant; default: never.")] = "",
    model: Annotated[
        list[str] | None, typer.Option(metavar="MODEL", help="Only these models; may be repeated.")
    ] = None,
    requests_per_minute: Annotated[int | None, typer.Option(metavar="N", min=1, help="More get 429.")] = None,
    max_concurrency: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Requests at once; more get 429.")
    ] = None,
) -> None:
    """Create an API key. The key is printed on stdout, once; the router keeps only its hash.

    Examples:
      llmlb keys create ci
      LLMLB_API_KEY=$(llmlb keys create ci -q --expires 30d)
      llmlb keys create prometheus --scope metrics
      llmlb keys create batch --model qwen3-8b --max-concurrency 4
    """
    scopes = scope or ["api"]
    for each in scopes:
        if each not in SCOPES:
            hint = did_you_mean(each, SCOPES) or f"the scopes are {', '.join(SCOPES)}"
            raise usage(f'there is no scope "{each}"', hint=hint)
    body = {
        "name": name,
        "scopes": scopes,
        "expires_at": expiry(expires) if expires else None,
        "models": model or None,
        "requests_per_minute": requests_per_minute,
        "max_concurrency": max_concurrency,
    }
    router = router_of(ctx)
    use = "Clients send it as Authorization: Bearer KEY."
    make(router, PATH, body, kind="ApiKey", columns=API_KEYS, secret="key", use=use)


def revoke_key(
    ctx: typer.Context,
    keys: Annotated[list[str] | None, typer.Argument(metavar="[ID...]", help="The keys' ids or names.")] = None,
    file: Annotated[str, typer.Option("-f", "--file", metavar="FILE", help="Read them, one a line; - is stdin.")] = "",
) -> ExitCode:
    """End API keys at once. What runs with one finishes; its next request gets 401.

    Examples:
      llmlb keys revoke key-3
      llmlb keys revoke ci batch --yes
      llmlb keys revoke --filter 'created>90d !admin' --dry-run
    """
    router = router_of(ctx)
    words = named(keys or [], file, router.options.filter)
    rows = router.rows(PATH, "api_keys")
    found = [_key(rows, each, router) for each in words] or admitted(
        "ApiKeyList", API_KEYS, rows, router.options.filter
    )
    if len(words) == 1:
        return _revoke_one(router, str(found[0].get("id")), str(found[0].get("name")))
    names = {str(row.get("id")): str(row.get("name")) for row in found}
    if not names:
        note("no key matches, nothing to do")
        return ExitCode.OK
    impact = [first_of([f"{key_id} ({name})" for key_id, name in names.items()]), _IMPACT]
    ask_yes(f"Revoke {len(names)} {'key' if len(names) == 1 else 'keys'}?", router.options, impact=impact)
    if router.options.dry_run:
        return show_rehearsal("ApiKeyOutcomeList", [*names], router.view, verb="revoke")
    outcomes = act_on_each([*names], lambda key_id: router.fields("DELETE", f"{PATH}/{segment(key_id)}"))
    return show_outcomes("ApiKeyOutcomeList", outcomes, router.view, past="revoked", words=lambda each: names[each.id])


_IMPACT = "clients that use it are refused from now on"


def _revoke_one(router: Router, key_id: str, name: str) -> ExitCode:
    ask_yes(f"Revoke {key_id} ({name})?", router.options, impact=[_IMPACT])
    router.ask("DELETE", f"{PATH}/{segment(key_id)}")
    if not router.view.is_human:
        show_object("ApiKey", {"id": key_id, "name": name, "revoked": True}, router.view, columns=API_KEYS)
    elif not router.options.quiet:
        line(f"revoked {key_id} ({name})  next: llmlb keys list")
    return ExitCode.OK


def _key(rows: Sequence[Fields], wanted: str, router: Router) -> Fields:
    """The key with that id, else the only one with that name."""
    found = [row for row in rows if row.get("id") == wanted] or [row for row in rows if row.get("name") == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(str(row.get("id")) for row in found)
        raise usage(f'{len(found)} keys are named "{wanted}"', hint=f"give the id: {ids}")
    known = [str(row.get(field)) for row in rows for field in ("id", "name")]
    raise Failure(
        f'there is no API key "{wanted}" at {router.url}',
        exit_code=ExitCode.NOT_FOUND,
        hint=did_you_mean(wanted, known) or "which there are: llmlb keys list",
        context=router.description,
    )

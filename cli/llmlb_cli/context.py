"""The router that a command talks to: which one, with what credential, and its answers."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn, TypeGuard

from llmlb.client.address import QueryValue
from llmlb.client.contexts import Context, load_contexts
from llmlb.client.credentials import Credential, Target, default_folders, resolve
from llmlb.errors import ClientError, ConfigurationError, RouterRefused
from llmlb_cli.exits import ExitCode, Failure, note
from llmlb_cli.failures import failure_of
from llmlb_cli.options import Options, options_of
from llmlb_cli.output import View, line, show_object
from llmlb_cli.text import clean_value

if TYPE_CHECKING:
    import typer

Fields = dict[str, object]

LOGIN_PATH = "/v0/auth/login"

_MAX_TOKEN_CHARACTERS = 16_384
_SECRETS = ("password", "api_key")


class Router(NamedTuple):
    """One router, and what the command line said about talking to it. context: as contexts.toml has it."""

    target: Target
    options: Options
    context: Context

    @property
    def url(self) -> str:
        return self.target.url

    @property
    def view(self) -> View:
        """How rows are to be shown: the flag, the variable, the context's own choice, a table."""
        chosen = self.options.output or self.context.default_output
        return self.options._replace(output=chosen).view

    @property
    def description(self) -> str:
        """Which router it is, and who said so; for error blocks."""
        if self.target.context:
            return f"{self.target.context} ({self.url}, from {default_folders(os.environ).contexts})"
        return f"{self.url} (from {self.target.url_source})"

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, QueryValue | None] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> object:
        """The router's answer, its texts cleaned for a terminal.

        With --dry-run it ends the command before it changes anything. Raises Failure, in words for the person at it.
        """
        if self.options.dry_run and method != "GET" and not (query or {}).get("dry_run"):
            self._tell_only(method, path, body)
        from llmlb.client.simple import call  # a line that is refused, or only explained, needs no network

        if self.options.verbose:
            note(f"{method} {self.url}{path}  credential: {self._credential_source}")
        try:
            answer = call(
                method,
                self.url,
                path,
                token=self.target.token,
                body=body,
                query=query,
                headers=headers,
                timeout_s=self.options.timeout_s,
                ca_file=self.target.ca_file or None,
            )
        except RouterRefused as error:
            raise self._refusal(error, path) from error
        except (ClientError, ConfigurationError) as error:
            raise failure_of(error, context=self.description) from error
        return clean_value(answer)

    def fields(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, QueryValue | None] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Fields:
        """As ``ask``, for an answer that is an object; an empty answer gives none."""
        answer = self.ask(method, path, body=body, query=query, headers=headers)
        if answer is None:
            return {}
        if not isinstance(answer, dict):
            raise self._stranger(path, "an object")
        return answer

    def rows(self, path: str, name: str, query: Mapping[str, QueryValue | None] | None = None) -> list[Fields]:
        """The list ``name`` within an answer."""
        rows = self.fields("GET", path, query=query).get(name)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise self._stranger(path, f'a list "{name}"')
        return rows

    @property
    def _credential_source(self) -> str:
        return self.target.credential.source if self.target.credential else "none"

    def _tell_only(self, method: str, path: str, body: object) -> NoReturn:
        if method == "POST" and body is not None:
            from llmlb_cli.judging import judge

            judge(path, body, context=self.description)
        shown = {name: "***" if name in _SECRETS else each for name, each in body.items()} if _is_fields(body) else None
        if self.view.is_human:
            import json

            line(f"would {method} {self.url}{path}{f' {json.dumps(shown, ensure_ascii=False)}' if shown else ''}")
        else:
            item = {"dry_run": True, "method": method, "path": path, "body": shown}
            show_object("DryRun", item, self.view, name="path")
        raise SystemExit(int(ExitCode.OK))

    def _refusal(self, error: RouterRefused, path: str) -> Failure:
        failure = failure_of(error, context=self.description)
        # At the login itself a 401 means the password, not a missing credential.
        if error.status != 401 or path == LOGIN_PATH:
            return failure
        from llmlb.clock import rfc3339, unix_s

        credential = self.target.credential
        if credential is None:
            failure.message = f"not logged in to {self.url}"
        elif credential.expires_at_unix_s is not None and credential.is_expired(unix_s()):
            failure.message = f"the {credential.source} expired at {rfc3339(credential.expires_at_unix_s)}"
            failure.hint = f"llmlb login --context {self.target.context}" if self.target.context else failure.hint
        else:
            failure.details = (f"the credential came from {credential.source}",)
        return failure

    def _stranger(self, path: str, wanted: str) -> Failure:
        return Failure(
            f"{self.url}{path} did not answer {wanted}",
            exit_code=ExitCode.UNREACHABLE,
            hint="is it an llmlb router, of the same version as this command?",
            context=self.description,
        )


def router_of(ctx: typer.Context) -> Router:
    """The router that the command line, the environment and the files name, in this order."""
    return router_from(options_of(ctx))


def router_from(options: Options) -> Router:
    """The same for options that are known already. Raises Failure where they cannot be used."""
    folders = default_folders(os.environ)
    from_stdin = options.token_file == "-"
    try:
        target = resolve(
            environ=os.environ,
            folders=folders,
            url=options.url,
            context=options.context,
            token_file=Path(options.token_file) if options.token_file and not from_stdin else None,
            ca_file=options.ca_file,
        )
        found = load_contexts(folders.contexts).by_name.get(target.context)
    except ConfigurationError as error:
        raise failure_of(error) from error
    if from_stdin:
        target = target._replace(credential=_credential_from_stdin())
    return Router(target, options, found or Context("", target.url))


def _is_fields(body: object) -> TypeGuard[Fields]:
    return isinstance(body, dict)


def _credential_from_stdin() -> Credential:
    token = sys.stdin.read(_MAX_TOKEN_CHARACTERS).strip()
    if not token:
        raise Failure("--token-file - found nothing on stdin", exit_code=ExitCode.USAGE, hint="pipe the credential in")
    return Credential(token, "stdin")

"""Which router to talk to, and with what credential.

    router       --url, --context, LLMLB_URL, LLMLB_CONTEXT, the current context, http://127.0.0.1:8080
    credential   --token-file, LLMLB_TOKEN, the context's login, the file of a router on this machine

A stored credential goes only to the router it was made for: a context's to the context's URL, the local file's to
this machine. Only what a person named in this very command or its environment goes where they say.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from llmlb.client.address import DEFAULT_ROUTER_URL, RouterAddress, router_address
from llmlb.client.contexts import Context, Contexts, load_contexts, save_contexts
from llmlb.config import paths
from llmlb.errors import ConfigurationError

CONTEXTS_FILE = "contexts.toml"
CREDENTIALS_FILE = "credentials.toml"
LOCAL_TOKEN_FILE = "operator_token"

_MAX_TOKEN_BYTES = 16_384


# NamedTuples, because importing dataclasses costs a one-shot command as much as its whole request.
class Credential(NamedTuple):
    """A JWT or an admin key, and where it came from. expires_at_unix_s: None if unknown."""

    token: str
    source: str
    expires_at_unix_s: float | None = None

    def __repr__(self) -> str:
        """Without the token, which must reach no log."""
        return f"Credential(source={self.source!r})"

    def is_expired(self, now_unix_s: float) -> bool:
        """True if it is known to be of no use any more."""
        return self.expires_at_unix_s is not None and now_unix_s >= self.expires_at_unix_s


class Login(NamedTuple):
    """What ``llmlb login`` obtained. expires_at_unix_s: when the JWT ends."""

    token: str
    user: str
    role: str
    expires_at_unix_s: float

    def __repr__(self) -> str:
        """Without the token, which must reach no log."""
        return f"Login(user={self.user!r}, role={self.role!r})"


class Target(NamedTuple):
    """One command's router and credential. context: "" for none.  credential: None asks without one."""

    url: str
    url_source: str
    context: str = ""
    ca_file: str = ""
    credential: Credential | None = None

    @property
    def token(self) -> str | None:
        """The credential's secret, None without one."""
        return None if self.credential is None else self.credential.token


class Folders(NamedTuple):
    """Where the files lie.  config: contexts.toml.  state: credentials.toml.  data: a local router's token."""

    config: Path
    state: Path
    data: Path

    @property
    def contexts(self) -> Path:
        return self.config / CONTEXTS_FILE

    @property
    def credentials(self) -> Path:
        return self.state / CREDENTIALS_FILE

    @property
    def local_token(self) -> Path:
        return self.data / LOCAL_TOKEN_FILE


def default_folders(environ: Mapping[str, str]) -> Folders:
    """The platform's folders, or the ones the environment names."""
    return Folders(paths.config_dir(environ), paths.state_dir(environ), paths.data_dir(environ))


def resolve(
    *,
    environ: Mapping[str, str],
    folders: Folders | None = None,
    url: str = "",
    context: str = "",
    token_file: Path | None = None,
    ca_file: str = "",
) -> Target:
    """Work out router and credential for one command; url, context, token_file and ca_file are its flags.

    Raises ConfigurationError: an unusable URL, an unknown context, a flag that contradicts its context, or a file
    with secrets that others can read.
    """
    places = folders or default_folders(environ)
    contexts = load_contexts(places.contexts)
    chosen_url, url_source, chosen = _router(contexts, environ, url=url, context=context)
    address = router_address(chosen_url)
    found = chosen or contexts.at(address.url)
    return Target(
        url=address.url,
        url_source=url_source,
        context=found.name if found is not None else "",
        ca_file=ca_file or environ.get("LLMLB_CA_FILE", "") or (found.ca_file if found is not None else ""),
        credential=_credential(places, environ, address, context=found, token_file=token_file),
    )


def store_login(folders: Folders, context: Context, login: Login, *, make_current: bool = True) -> None:
    """Keep a login: the context in one file, the credential in another that only its owner reads."""
    contexts = load_contexts(folders.contexts).with_context(context, make_current=make_current)
    stored = _stored(folders)
    stored[context.name] = {
        "url": router_address(context.url).url,
        "token": login.token,
        "user": login.user,
        "role": login.role,
        "expires_at": int(login.expires_at_unix_s),
    }
    _save(folders, stored)
    save_contexts(folders.contexts, contexts)


def forget_login(folders: Folders, name: str = "") -> tuple[str, ...]:
    """Delete the credential of one context, or of all if ``name`` is ""; answers the names that had one."""
    stored = _stored(folders)
    gone = tuple(sorted(stored)) if not name else tuple(filter(stored.__contains__, (name,)))
    if gone:
        _save(folders, {kept: entry for kept, entry in stored.items() if kept not in gone})
    return gone


def _router(
    contexts: Contexts, environ: Mapping[str, str], *, url: str, context: str
) -> tuple[str, str, Context | None]:
    """The router's URL, where it was named, and the context if one was named."""
    if context:
        named = contexts.named(context)
        if url and router_address(url).url != named.url:
            raise ConfigurationError(f"--url {url} is not the URL of context {context} ({named.url}); give one of them")
        return named.url, f"context {context}", named
    if url:
        return url, "--url", None
    if environ.get("LLMLB_URL"):
        return environ["LLMLB_URL"], "LLMLB_URL", None
    if name := environ.get("LLMLB_CONTEXT") or contexts.current:
        return contexts.named(name).url, f"context {name}", contexts.named(name)
    return DEFAULT_ROUTER_URL, "default", None


def _credential(
    folders: Folders,
    environ: Mapping[str, str],
    address: RouterAddress,
    *,
    context: Context | None,
    token_file: Path | None,
) -> Credential | None:
    if token_file is not None:
        return _from_file(token_file)
    if token := environ.get("LLMLB_TOKEN", "").strip():
        return Credential(token, "LLMLB_TOKEN")
    if context is not None and (stored := _from_context(folders, context)) is not None:
        return stored
    if address.is_loopback and (token := (_private_text(folders.local_token) or "").strip()):
        return Credential(token, str(folders.local_token))
    return None


def _from_file(path: Path) -> Credential:
    """The file a person named. Its mode is theirs to choose: container platforms mount secrets readable."""
    try:
        with path.open("rb") as file:
            token = file.read(_MAX_TOKEN_BYTES).decode("ascii", "replace").strip()
    except OSError as error:
        raise ConfigurationError(f"cannot read the token file {path}: {error.strerror or error}") from error
    if not token:
        raise ConfigurationError(f"the token file {path} is empty")
    return Credential(token, str(path))


def _from_context(folders: Folders, context: Context) -> Credential | None:
    entry = _stored(folders).get(context.name, {})
    token, expires_at = entry.get("token"), entry.get("expires_at")
    # The context may have been pointed elsewhere since the login.
    if not isinstance(token, str) or entry.get("url") != context.url:
        return None
    known = expires_at if isinstance(expires_at, int | float) and not isinstance(expires_at, bool) else None
    return Credential(token, f"login of context {context.name}", known)


def _stored(folders: Folders) -> dict[str, dict[str, object]]:
    text = _private_text(folders.credentials)
    if text is None:
        return {}
    import tomllib

    try:
        tables = tomllib.loads(text).get("contexts", {})
    except ValueError as error:
        raise ConfigurationError(
            f"{folders.credentials} is damaged ({error}). Remove it and log in again: llmlb login"
        ) from error
    entries = tables.items() if isinstance(tables, dict) else ()
    return {name: entry for name, entry in entries if isinstance(entry, dict)}


def _save(folders: Folders, stored: Mapping[str, Mapping[str, object]]) -> None:
    import tomli_w

    from llmlb.config.secrets_file import replace_secret_file

    replace_secret_file(folders.credentials, tomli_w.dumps({"contexts": stored}))


def _private_text(path: Path) -> str | None:
    """A file that only its owner reads; None if there is none, before anything is imported to read it."""
    if not os.path.lexists(path):
        return None
    from llmlb.config.secrets_file import read_secret_file

    return read_secret_file(path)

"""Flag, environment, context, local file: in this order, and no credential to a router it was not made for."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmlb.client.contexts import Context
from llmlb.client.credentials import Credential, Folders, Login, default_folders, forget_login, resolve, store_login
from llmlb.config.secrets_file import create_secret_file
from llmlb.errors import ConfigurationError

PROD = Context("prod", "https://router.example", ca_file="/etc/prod.pem")
LAB = Context("lab", "http://10.0.0.1:8080")
LOGIN = Login("jwt-of-{}", "ann", "admin", 2_000_000_000.0)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "config", tmp_path / "state", tmp_path / "data")


def log_in(folders: Folders, context: Context, *, make_current: bool = True) -> None:
    store_login(folders, context, LOGIN._replace(token=f"jwt-of-{context.name}"), make_current=make_current)


def keep_local_token(folders: Folders, token: str = "local-token") -> None:
    create_secret_file(folders.local_token, token + "\n")


def test_without_anything_it_is_the_router_of_this_machine_and_no_credential(folders: Folders) -> None:
    target = resolve(environ={}, folders=folders)
    assert (target.url, target.url_source, target.credential) == ("http://127.0.0.1:8080", "default", None)
    assert target.token is None


def test_the_file_of_a_local_router_is_the_last_resort(folders: Folders) -> None:
    keep_local_token(folders)
    target = resolve(environ={}, folders=folders)
    assert target.token == "local-token"
    assert target.credential is not None
    assert target.credential.source == str(folders.local_token)


@pytest.mark.parametrize("url", ["http://10.0.0.1:8080", "http://localhost.evil.example", "https://router.example"])
def test_the_local_file_is_sent_to_another_machine(folders: Folders, url: str) -> None:
    keep_local_token(folders)
    assert resolve(environ={}, folders=folders, url=url).token is None
    assert resolve(environ={"LLMLB_URL": url}, folders=folders).token is None


def test_the_order_of_credentials(folders: Folders, tmp_path: Path) -> None:
    keep_local_token(folders)
    here = Context("here", "http://127.0.0.1:8080")
    log_in(folders, here)
    file = tmp_path / "token"
    file.write_text("from-file\n")
    variable = {"LLMLB_TOKEN": " from-variable "}
    assert resolve(environ=variable, folders=folders, token_file=file).token == "from-file"
    assert resolve(environ=variable, folders=folders).token == "from-variable"
    assert resolve(environ={}, folders=folders).token == "jwt-of-here"
    forget_login(folders, "here")
    assert resolve(environ={}, folders=folders).token == "local-token"


def test_the_order_of_routers(folders: Folders) -> None:
    log_in(folders, PROD, make_current=False)
    log_in(folders, LAB)
    env = {"LLMLB_URL": "http://env:1", "LLMLB_CONTEXT": "prod"}
    assert resolve(environ=env, folders=folders, url="http://flag:1").url == "http://flag:1"
    assert resolve(environ=env, folders=folders, context="lab").url == LAB.url
    assert resolve(environ=env, folders=folders).url == "http://env:1"
    assert resolve(environ={"LLMLB_CONTEXT": "prod"}, folders=folders).url == PROD.url
    assert resolve(environ={}, folders=folders).url == LAB.url


def test_a_contexts_credential_goes_to_another_router(folders: Folders) -> None:
    log_in(folders, PROD)
    target = resolve(environ={}, folders=folders, url="https://router.example.evil")
    assert (target.context, target.token, target.ca_file) == ("", None, "")


def test_a_url_that_a_context_has_finds_its_login(folders: Folders) -> None:
    log_in(folders, PROD, make_current=False)
    target = resolve(environ={}, folders=folders, url="https://ROUTER.example:443/")
    assert (target.context, target.token, target.ca_file) == ("prod", "jwt-of-prod", "/etc/prod.pem")


def test_a_context_that_was_pointed_elsewhere_does_not_take_its_login_along(folders: Folders) -> None:
    log_in(folders, PROD)
    text = folders.contexts.read_text().replace("https://router.example", "https://elsewhere.example")
    folders.contexts.write_text(text)
    assert resolve(environ={}, folders=folders).token is None


def test_a_url_that_contradicts_its_context_is_refused(folders: Folders) -> None:
    log_in(folders, PROD)
    assert resolve(environ={}, folders=folders, context="prod", url="https://router.example/").token == "jwt-of-prod"
    with pytest.raises(ConfigurationError, match="is not the URL of context prod"):
        resolve(environ={}, folders=folders, context="prod", url="https://other.example")


def test_the_ca_file_follows_the_same_order(folders: Folders) -> None:
    log_in(folders, PROD)
    env = {"LLMLB_CA_FILE": "/env.pem"}
    assert resolve(environ=env, folders=folders, ca_file="/flag.pem").ca_file == "/flag.pem"
    assert resolve(environ=env, folders=folders).ca_file == "/env.pem"
    assert resolve(environ={}, folders=folders).ca_file == "/etc/prod.pem"


def test_an_expiry_is_known_without_asking_the_router(folders: Folders) -> None:
    log_in(folders, PROD)
    credential = resolve(environ={}, folders=folders).credential
    assert credential is not None
    assert not credential.is_expired(1_999_999_999)
    assert credential.is_expired(2_000_000_000)
    assert not Credential("sk-key", "LLMLB_TOKEN").is_expired(4_000_000_000)


def test_the_credentials_file_is_for_its_owner_alone(folders: Folders) -> None:
    log_in(folders, PROD)
    log_in(folders, LAB)
    assert folders.credentials.stat().st_mode & 0o777 == 0o600
    assert folders.state.stat().st_mode & 0o777 == 0o700
    assert "jwt" not in folders.contexts.read_text()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_credentials_file_that_others_read_is_refused(folders: Folders, mode: int) -> None:
    log_in(folders, PROD)
    folders.credentials.chmod(mode)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        resolve(environ={}, folders=folders)


def test_a_local_token_that_others_read_is_refused(folders: Folders) -> None:
    keep_local_token(folders)
    folders.local_token.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        resolve(environ={}, folders=folders)


def test_a_damaged_credentials_file_says_to_log_in_again(folders: Folders) -> None:
    log_in(folders, PROD)
    folders.credentials.write_text("[contexts")
    with pytest.raises(ConfigurationError, match="llmlb login"):
        resolve(environ={}, folders=folders)


def test_a_token_file_may_be_a_mounted_secret(folders: Folders, tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.write_text("sk-mounted\n")
    real.chmod(0o444)
    link = tmp_path / "link"
    link.symlink_to(real)
    assert resolve(environ={}, folders=folders, token_file=link).token == "sk-mounted"


def test_a_token_file_without_a_token_is_named(folders: Folders, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read the token file"):
        resolve(environ={}, folders=folders, token_file=tmp_path / "nothing")
    (tmp_path / "empty").write_text(" \n")
    with pytest.raises(ConfigurationError, match="is empty"):
        resolve(environ={}, folders=folders, token_file=tmp_path / "empty")


def test_logging_out_forgets_one_or_all(folders: Folders) -> None:
    log_in(folders, PROD)
    log_in(folders, LAB)
    assert forget_login(folders, "nowhere") == ()
    assert forget_login(folders, "prod") == ("prod",)
    assert resolve(environ={}, folders=folders, context="prod").token is None
    assert resolve(environ={}, folders=folders, context="lab").token == "jwt-of-lab"
    assert forget_login(folders) == ("lab",)


def test_an_unknown_context_is_refused(folders: Folders) -> None:
    with pytest.raises(ConfigurationError, match="there is no context 'nowhere'"):
        resolve(environ={"LLMLB_CONTEXT": "nowhere"}, folders=folders)


def test_a_credential_stays_out_of_logs(folders: Folders) -> None:
    log_in(folders, PROD)
    target = resolve(environ={}, folders=folders)
    assert "jwt-of" not in f"{target!r} {target} {LOGIN!r}"


def test_the_folders_can_be_moved_by_variables(tmp_path: Path) -> None:
    environ = {
        "LLMLB_CONFIG_DIR": str(tmp_path / "c"),
        "LLMLB_STATE_DIR": str(tmp_path / "s"),
        "LLMLB_DATA_DIR": str(tmp_path / "d"),
    }
    assert default_folders(environ) == Folders(tmp_path / "c", tmp_path / "s", tmp_path / "d")

"""llmlb serve: the flags; what they do is the runtime's"""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.command_line import Run

from llmlb.config.settings import router_settings
from llmlb.errors import ConfigurationError
from llmlb.runtime.serve import ServeOptions


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[ServeOptions]:
    """What the runtime was asked to do, instead of doing it."""
    asked: list[ServeOptions] = []

    def run(options: ServeOptions) -> int:
        asked.append(options)
        return 0

    monkeypatch.setattr("llmlb.runtime.serve.run", run)
    return asked


def test_without_flags_nothing_is_decided(served: list[ServeOptions], run: Run) -> None:
    assert run("serve").code == 0
    assert served == [ServeOptions()]


def test_every_flag_reaches_the_runtime(served: list[ServeOptions], run: Run) -> None:
    line = (
        "--host ::1 --port 9 --tls-cert c.pem --tls-key k.pem --config c.toml --data-dir d --dev --workers 2 "
        "--log-level debug --log-format json --check"
    )
    run("serve", *line.split())
    assert served == [
        ServeOptions(
            host="::1",
            port=9,
            tls_cert="c.pem",
            tls_key="k.pem",
            config_file=Path("c.toml"),
            data_dir=Path("d"),
            dev=True,
            workers=2,
            log_level="debug",
            log_format="json",
            check=True,
        )
    ]


def test_every_flag_that_a_setting_names_is_there(run: Run) -> None:
    options = set(run("serve", "--help").out.split())
    named = {setting.rule.flag for setting in router_settings().values() if setting.rule.flag}
    assert "--tls-key" in named
    assert named <= options


def test_a_configuration_that_cannot_be_used_is_2_with_each_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(options: ServeOptions) -> int:
        raise ConfigurationError("config.toml:1: one\nconfig.toml:2: two")

    monkeypatch.setattr("llmlb.runtime.serve.run", refuse)
    ran = run("serve")
    assert ran.code == 2
    assert ran.err == "error: config.toml:1: one\n  config.toml:2: two\n  code:    2 usage\n"


def test_the_store_and_the_configuration_can_be_checked_without_serving(run: Run, home: Path) -> None:
    assert run("serve", "--check", "--data-dir", str(home / "data")).code == 0

"""llmlb config show, path and validate; with live changes see test_local_store"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli.command_line import Run


@pytest.fixture
def file(home: Path) -> Path:
    path = home / "config.toml"
    path.write_text(
        '[load_balancer]\ngpu_threshold = 70\n[auth]\nadmin_password = "hunter22 hunter22"\n', encoding="utf-8"
    )
    path.chmod(0o600)
    return path


def test_each_value_tells_where_it_comes_from(file: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMLB_VRAM_THRESHOLD", "85")
    items = {each["key"]: each for each in json.loads(run("config", "show", "-o", "json").out)["items"]}
    assert items["load_balancer.gpu_threshold"]["value"] == "70"
    assert items["load_balancer.gpu_threshold"]["origin"].startswith("file ")
    assert items["load_balancer.gpu_threshold"]["origin"].endswith("config.toml:2")
    assert items["load_balancer.vram_threshold"]["origin"] == "environment LLMLB_VRAM_THRESHOLD"
    assert items["server.port"]["origin"] == "default"


def test_origins_are_shown_to_people_when_they_ask(file: Path, run: Run) -> None:
    assert "ORIGIN" not in run("config", "show").out
    assert "ORIGIN" in run("config", "show", "--origin").out


@pytest.mark.parametrize("form", ["table", "wide", "json", "yaml", "csv", "jsonl"])
def test_secrets_are_hidden_in_every_format(form: str, file: Path, run: Run) -> None:
    ran = run("config", "show", "--origin", "-o", form)
    assert "auth.admin_password" in ran.out
    assert "hunter22" not in ran.out + ran.err


def test_a_wrong_configuration_is_2_with_a_line_for_each_problem(file: Path, run: Run) -> None:
    file.write_text("[load_balancer]\ngpu_treshold = 70\n[server]\nport = 99999999\n", encoding="utf-8")
    for words in (["show"], ["validate"]):
        ran = run("config", *words)
        assert (ran.code, ran.out) == (2, "")
        assert "config.toml:2" in ran.err
        assert "gpu_threshold" in ran.err
        assert "config.toml:4" in ran.err


def test_a_valid_configuration_is_told_with_its_file(file: Path, run: Run) -> None:
    assert run("config", "validate") == (0, f"{file}: valid\n", "")
    item = json.loads(run("config", "validate", "-o", "json").out)["item"]
    assert item == {"valid": True, "file": str(file), "warnings": []}
    file.unlink()
    assert run("config", "validate").out == "the defaults and the environment: valid\n"


def test_unwise_settings_are_warned_of_on_stderr(file: Path, run: Run) -> None:
    file.write_text("[health]\nnode_timeout = 30\n", encoding="utf-8")
    ran = run("config", "validate")
    assert ran.code == 0
    assert ran.err.startswith("warning: ")
    assert run("config", "validate", "-q").err == ""


def test_the_files_in_use_are_named(file: Path, run: Run, home: Path) -> None:
    item = json.loads(run("config", "path", "-o", "json").out)["item"]
    assert item == {
        "config_file": str(file),
        "data_dir": str(home / "data"),
        "contexts_file": str(home / "config" / "contexts.toml"),
        "state_dir": str(home / "state"),
    }

"""Objectives in config.toml: who has which, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from llmlb.config.loading import load_settings, show_settings
from llmlb.config.objectives import Objectives, ObjectivesSettings
from llmlb.core.choice import Objective
from llmlb.errors import ConfigurationError


def load(directory: Path, text: str, **environ: str) -> ObjectivesSettings:
    (directory / "config.toml").write_text(text)
    return load_settings(data_dir=directory, environ=environ, working_dir=directory).settings.objectives


def test_tables_and_inline_tables_say_the_same(tmp_path: Path) -> None:
    written = load(tmp_path, '[objectives.models."qwen*"]\nttft = 2\ntpot = 0.1\n[objectives.keys.batch]\nttft = 60\n')
    inline = load(
        tmp_path,
        '[objectives]\nmodels = { "qwen*" = { ttft = 2.0, tpot = 0.1 } }\nkeys = { batch = { ttft = 60.0 } }\n',
    )
    assert written == inline
    assert written.models == {"qwen*": {"ttft": 2.0, "tpot": 0.1}}
    assert written.keys == {"batch": {"ttft": 60.0}}


def test_variables_say_it_in_one_line(tmp_path: Path) -> None:
    settings = load(tmp_path, "", LLMLB_OBJECTIVES_MODELS="qwen*=2:0.1, llama3:8b=3")
    assert settings.models == {"qwen*": {"ttft": 2.0, "tpot": 0.1}, "llama3:8b": {"ttft": 3.0}}


@pytest.mark.parametrize(
    ("model", "key", "ttft_s"),
    [
        ("qwen3-8b", "", 1.0),
        ("qwen3-4b", "", 2.0),
        ("qwen3-coder-30b", "", 3.0),
        ("llama-3.2-1b", "", 9.0),
        ("qwen3-8b", "batch", 60.0),
        ("llama-3.2-1b", "team-blue", 5.0),
    ],
)
def test_the_most_specific_name_wins_and_a_key_before_a_model(model: str, key: str, ttft_s: float) -> None:
    rows = {"*": 9.0, "qwen*": 2.0, "qwen3-8b": 1.0, "qwen3-coder*": 3.0}
    keys = {"batch": 60.0, "team-*": 5.0}
    objectives = Objectives(
        ObjectivesSettings(
            models={name: {"ttft": seconds, "tpot": 0.1} for name, seconds in rows.items()},
            keys={name: {"ttft": seconds, "tpot": 0.2} for name, seconds in keys.items()},
        )
    )
    found = objectives.objective_for(model, key)
    assert found is not None
    assert found.ttft_s == ttft_s


def test_who_is_not_named_has_none() -> None:
    assert Objectives(ObjectivesSettings()).objective_for("m", "k") is None
    named = Objectives(ObjectivesSettings(models={"a[1]": {"ttft": 1.0, "tpot": 0.1}}))
    assert named.objective_for("a1", "") is None
    assert named.objective_for("a[1]", "") == Objective(1.0, 0.1)


def test_a_time_between_tokens_that_is_left_out_bounds_nothing() -> None:
    objectives = Objectives(ObjectivesSettings(models={"m": {"ttft": 1.0}}))
    assert objectives.objective_for("m", "") == Objective(1.0, math.inf)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("models = 3", "config.toml:2: objectives.models: 3 is not a table of tables"),
        ("models = { q = 2 }", 'config.toml:2: objectives.models: "q" is not a table: write NAME = {'),
        ("models.q.ttft = 0", '"q": ttft 0 is out of range: give 0.05..3600 s, for example 2'),
        ("models.q.tpot = 0.1", '"q" lacks ttft: give it, for example 2'),
        ("models.q = { ttft = 1, tbot = 1 }", '"q" has the unknown key "tbot": give ttft, tpot'),
        ("models.q.ttft = true", '"q": ttft True is out of range'),
        ("keys.k.ttft = nan", 'config.toml:2: objectives.keys: "k": ttft nan is out of range'),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_is_allowed(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(tmp_path, f"[objectives]\n{text}\n")
    assert complaint in refused.value.message


@pytest.mark.parametrize("text", ["qwen", "qwen=", "qwen=fast", "qwen=1:2:3"])
def test_a_variable_that_is_no_entry_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"LLMLB_OBJECTIVES_MODELS"):
        load(tmp_path, "", LLMLB_OBJECTIVES_MODELS=text)


def test_the_listing_shows_them_as_the_file_would_hold_them(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[objectives.models."qwen*"]\nttft = 2\n')
    loaded = load_settings(data_dir=tmp_path, environ={}, working_dir=tmp_path)
    shown = {setting.key: setting.value for setting in show_settings(loaded)}
    assert shown["objectives.models"] == '{"qwen*" = { ttft = 2 }}'
    assert shown["objectives.keys"] == "{}"

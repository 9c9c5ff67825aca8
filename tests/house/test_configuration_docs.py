"""The example file and the documentation of the settings say what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from llmlb.config.loading import Loaded, load_settings
from llmlb.config.reference import DOCUMENTATION_PATH, EXAMPLE_PATH, documentation, example_file
from llmlb.config.settings import Settings, agent_settings, node_settings, router_settings
from llmlb.errors import ConfigurationError

_ROOT = Path(__file__).resolve().parents[2]
_STALE = "run: python -m llmlb.config.reference"


def _load(directory: Path, text: str) -> Loaded:
    file = directory / "config.toml"
    file.write_text(text)
    file.chmod(0o600)
    return load_settings(data_dir=directory, environ={}, working_dir=directory)


def test_example_file_is_in_step_with_the_declarations() -> None:
    assert (_ROOT / EXAMPLE_PATH).read_text(encoding="utf-8") == example_file(), _STALE


def test_documentation_is_in_step_with_the_declarations() -> None:
    assert (_ROOT / DOCUMENTATION_PATH).read_text(encoding="utf-8") == documentation(), _STALE


def test_example_file_names_every_key_and_changes_nothing(tmp_path: Path) -> None:
    loaded = _load(tmp_path, example_file())
    assert loaded.settings == Settings()
    assert {key for key, origin in loaded.origins.items() if origin.kind == "file"} == set(router_settings())


def test_marked_out_node_of_the_example_file_can_be_used(tmp_path: Path) -> None:
    head, mark, tail = example_file().partition("# [nodes.node-1]\n")
    wanted = re.sub(rf"(?m)^# (?=({'|'.join(node_settings())}) = )", "", tail)
    loaded = _load(tmp_path, head + mark.removeprefix("# ") + wanted)
    assert loaded.settings.nodes["node-1"].max_concurrency == 16
    assert {key.removeprefix("nodes.node-1.") for key in loaded.origins if key.startswith("nodes.")} == set(
        node_settings()
    )


def test_documentation_names_every_key_and_variable() -> None:
    text = documentation()
    for each in (*router_settings().values(), *node_settings().values(), *agent_settings().values()):
        assert f"| `{each.name}` |" in text
        for name in (*each.variables, *filter(None, [each.rule.flag])):
            assert f"`{name}`" in text


def test_error_lines_in_the_documentation_are_those_that_are_printed(tmp_path: Path) -> None:
    (block,) = re.findall(r"```\n(config\.toml.*?)```", documentation(), flags=re.DOTALL)
    file = tmp_path / "config.toml"
    file.write_text("\n" * 5 + "[health]\nnode_timeout = 20\n[server]\nprot = 1\n")
    with pytest.raises(ConfigurationError) as refused:
        load_settings(data_dir=tmp_path, environ={"LLMLB_GPU_TRESHOLD": "70"}, working_dir=tmp_path)
    assert refused.value.message.replace(f"{tmp_path}/", "") == block.strip()

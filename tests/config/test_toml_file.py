"""Reading config.toml: what every mistake in it is answered with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llmlb.config.origins import OriginKind, Reading
from llmlb.config.toml_file import MAX_CONFIG_FILE_BYTES, read_config_file
from llmlb.errors import ConfigurationError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def _read(file: Path, text: str | bytes, *, dev: bool = False) -> Reading:
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    file.chmod(0o600)
    return read_config_file(file, dev=dev)


def test_values_are_read_with_their_lines(file: Path) -> None:
    reading = _read(file, '[server]\nport = 9000\n\n[nodes."gpu.a"]\n# engine\napi_key = "k"\nmax_concurrency = 3\n')
    assert reading.values == {
        "server.port": 9000,
        "nodes.gpu.a.api_key": "k",
        "nodes.gpu.a.max_concurrency": 3,
    }
    assert reading.origins["server.port"].kind is OriginKind.FILE
    assert reading.origins["server.port"].detail == f"{file}:2"
    assert reading.origins["nodes.gpu.a.api_key"].detail == f"{file}:6"
    assert (reading.problems, reading.warnings) == ((), ())


def test_empty_file_says_nothing(file: Path) -> None:
    assert _read(file, "") == Reading()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[server]\nprot = 1", '2: unknown key server.prot; did you mean "port"?'),
        ("[retry]\nwait = 1", '2: unknown key retry.wait; did you mean "queue.wait"?'),
        (
            "[metrics]\nzebra = 1",
            "2: unknown key metrics.zebra; [metrics] has: public",
        ),
        ("[health]\nnode_timeout_s = 60", '2: unknown key health.node_timeout_s; did you mean "node_timeout"?'),
        ("\n[load-balancer]\nmode = 'x'", '2: unknown section [load-balancer]; did you mean "load_balancer"?'),
        ("port = 8080", '1: unknown key "port" outside any section; did you mean "server.port"?'),
        ("zebra = 1", '1: unknown key "zebra" outside any section'),
        ("server = 3", "1: server must be a table: write [server] and its keys below it"),
        ("[[server]]\nport = 1", "1: server must be a table: write [server] and its keys below it"),
        ("nodes = 3", "1: nodes must be a table: write [nodes.ID] and the node's keys below it"),
        ("[nodes]\nx = 3", "2: nodes.x must be a table: write [nodes.x] and its keys below it"),
        ("[nodes]\napi_key = 'k'", "2: nodes.api_key belongs to a node: put it under [nodes.ID]"),
        (
            '[nodes."../x"]',
            '1: "../x" is no node id: use 1 to 63 letters, digits, dots, dashes and underscores',
        ),
        ("[nodes.a]\nurl = 'x'", '2: unknown key nodes.a.url; did you mean "store.url"?'),
        ("[server]\nport = 99999", "2: server.port: 99999 is out of range: give 0..65535, for example 8080"),
        (
            "[health]\nnode_timeout = 2024-01-01",
            "2: health.node_timeout: 2024-01-01 is not a number: give 30..300 s, for example 60",
        ),
        ("server.port = '1'", '1: server.port: "1" is not a whole number: give 0..65535, for example 8080'),
    ],
)
def test_mistake_is_named_with_its_line_and_remedy(file: Path, text: str, problem: str) -> None:
    assert _read(file, text).problems == (f"{file}:{problem}",)


def test_unknown_section_without_a_near_name_lists_the_sections(file: Path) -> None:
    (problem,) = _read(file, "[database]\nx = 1").problems
    assert problem.startswith(f"{file}:1: unknown section [database]; the sections are: load_balancer, health, ")


def test_all_mistakes_are_told_at_once(file: Path) -> None:
    problems = _read(file, "[server]\nport = -1\nhots = ''\n[x]\n[queue]\nwait = 'long'").problems
    assert [problem.split(": ")[0] for problem in problems] == [f"{file}:{line}" for line in (2, 3, 4, 6)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[server]\nhost = local", "2: not valid TOML: "),
        ("[server]\nport = 1\nport = 2", "3: not valid TOML: "),
        ("[server]\n\n[queue", "3: not valid TOML: "),
        ("x = [1,\n\n", "3: not valid TOML: "),
        (b"[server]\n# caf\xe9", "2: not UTF-8 text"),
        ("x = " + "[" * 20_000, " not usable TOML"),
        ("x = " + "9" * 5000, " not usable TOML"),
        ("#" * MAX_CONFIG_FILE_BYTES + "\n", f" larger than {MAX_CONFIG_FILE_BYTES} bytes"),
    ],
    ids=range(8),
)
def test_file_that_is_no_toml_is_refused_with_its_line(file: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        _read(file, text)
    assert refused.value.message.startswith(f"{file}:{message}")


def test_absent_file_is_refused_with_the_flag_to_check(file: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no such file\. Check --config"):
        read_config_file(file)


def test_directory_in_the_place_of_the_file_is_refused(file: Path) -> None:
    file.mkdir()
    with pytest.raises(ConfigurationError, match=r"cannot be read \(Is a directory\)"):
        read_config_file(file)


def test_windows_line_ends_and_byte_order_mark_do_not_matter(file: Path) -> None:
    reading = _read(file, b"\xef\xbb\xbf[server]\r\nport = 1\r\n\r\n[queue]\r\nwait = -1\r\n")
    assert reading.values == {"server.port": 1}
    assert reading.problems[0].startswith(f"{file}:5: queue.wait: -1 is out of range")


def test_dev_allows_shorter_times(file: Path) -> None:
    text = "[health]\nnode_timeout = 2\ncheck_interval = 0.2"
    assert len(_read(file, text).problems) == 2
    assert _read(file, text, dev=True).values == {"health.node_timeout": 2.0, "health.check_interval": 0.2}


@pytest.mark.skipif(os.name == "nt", reason="modes mean nothing there")
@pytest.mark.parametrize("text", [f"[auth]\njwt_secret = '{'s' * 32}'", "[nodes.a]\napi_key = 'k'"])
def test_secret_in_a_file_that_others_may_read_is_warned_about(file: Path, text: str) -> None:
    _read(file, text)
    file.chmod(0o644)
    (warning,) = read_config_file(file).warnings
    assert warning.startswith(f"{file}:2: ")
    assert warning.endswith(f"Run: chmod 600 {file}")


@pytest.mark.skipif(os.name == "nt", reason="modes mean nothing there")
def test_readable_file_without_secrets_is_nobodys_business(file: Path) -> None:
    _read(file, "[auth]\njwt_secret = ''\n[server]\nport = 1")
    file.chmod(0o644)
    assert read_config_file(file).warnings == ()

"""The sections that say what the router is: safe as they come."""

from __future__ import annotations

from llmlb.config.checks import find_problems, find_warnings, is_loopback
from llmlb.config.settings import LogFormat, LogLevel, Settings


def test_defaults_have_nothing_to_complain_about() -> None:
    assert [*find_problems(Settings()), *find_problems(Settings(), dev=True)] == []
    assert [*find_warnings(Settings()), *find_warnings(Settings(), dev=True)] == []


def test_router_without_configuration_can_only_be_reached_from_its_own_machine() -> None:
    assert is_loopback(Settings().server.host)


def test_prompts_are_not_stored_unless_switched_on() -> None:
    assert Settings().records.bodies is False


def test_nothing_secret_has_a_default() -> None:
    assert (Settings().auth.admin_password, Settings().auth.jwt_secret) == ("", "")


def test_log_names_are_those_of_the_flags() -> None:
    assert ([*LogLevel], [*LogFormat]) == (["debug", "info", "warning", "error"], ["text", "json"])

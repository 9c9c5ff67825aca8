"""From values to settings, and a settings value with changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.config.assembly import assemble, assemble_agent, changed
from llmlb.config.declaration import Value
from llmlb.config.settings import AgentSettings, NodeSettings, Settings, values_of
from llmlb.errors import ConfigurationError


def test_no_values_are_the_defaults() -> None:
    assert assemble({}) == Settings()
    assert assemble_agent({}) == AgentSettings()


def test_value_lands_in_its_section_under_its_attribute() -> None:
    settings = assemble({"health.node_timeout": 90.0, "nodes.gpu.a.max_concurrency": 4})
    assert settings.health.node_timeout_s == 90.0
    assert settings.nodes == {"gpu.a": NodeSettings(max_concurrency=4)}


_SOME = st.fixed_dictionaries(
    {},
    optional={
        "server.port": st.integers(0, 65_535),
        "timeouts.answer": st.floats(1, 86_400),
        "models.aliases": st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
        "server.trusted_proxies": st.lists(st.text(max_size=3), max_size=2).map(tuple),
        "nodes.n.1.capability_score": st.integers(0, 9),
        "nodes.n2.api_key": st.text(max_size=3),
    },
)


@given(_SOME)
def test_settings_survive_being_taken_apart_and_put_together(values: dict[str, Value]) -> None:
    settings = assemble(values)
    assert values.items() <= values_of(settings).items()
    assert assemble(values_of(settings)) == settings


def test_change_replaces_only_what_it_names() -> None:
    settings = assemble({"load_balancer.vram_threshold": 70.0})
    after = changed(settings, {"load_balancer.gpu_threshold": 65})
    assert (after.load_balancer.gpu_threshold, after.load_balancer.vram_threshold) == (65.0, 70.0)
    assert settings.load_balancer.gpu_threshold == 80.0


def test_change_with_several_mistakes_is_refused_with_a_line_for_each() -> None:
    with pytest.raises(ConfigurationError) as refused:
        changed(
            Settings(),
            {
                "load_balancer.gpu_threshold": 101,
                "load_balancer.mode": "round-robin",
                "load_balancer.zebra": 1,
            },
        )
    assert refused.value.message.splitlines() == [
        "load_balancer.gpu_threshold: 101 is out of range: give 0..100 %, for example 80",
        "load_balancer.zebra: no such setting",
        'load_balancer.mode: "round-robin" is unknown: give metrics, round_robin, adaptive or module:Class; '
        'did you mean "round_robin"?',
    ]


def test_change_is_not_refused_for_what_was_wrong_before() -> None:
    odd = assemble({"server.host": "*"})
    assert changed(odd, {"load_balancer.mode": "adaptive"}).load_balancer.mode == "adaptive"

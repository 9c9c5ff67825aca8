from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tui.examples import node

from llmlb_tui.model.settings import Limit, Settings, read_settings
from llmlb_tui.model.thresholds import distribution, highest, preview

FLEET = (
    node("a", gpu_usage=97.0),
    node("b", gpu_usage=85.0, vram_usage=95.0),
    node("c", gpu_usage=10.0, active_requests=14),
    node("d", metrics_available=False, active_requests=11),
    *(node(f"n{number}") for number in range(16)),
)


def test_preview_says_whom_and_why() -> None:
    found = preview(FLEET, Settings(), Settings()._replace(gpu=90.0))
    assert [verdict.node_id for verdict in found.excluded] == ["a", "b", "c", "d"]
    assert found.excluded[0].reasons == ("GPU 97>90",)
    assert found.excluded[1].reasons == ("VRAM 95>90",)
    assert found.newly == found.no_longer == ()
    assert found.by_limit[Limit.GPU] == (2, 1)


def test_a_lower_limit_passes_over_more() -> None:
    found = preview(FLEET, Settings(), Settings()._replace(gpu=40.0))
    assert len(found.newly) == 16
    assert found.is_big


def test_a_node_without_figures_is_judged_by_its_requests_alone() -> None:
    found = preview([node("d", metrics_available=False, gpu_usage=99.0)], Settings(), Settings())
    assert found.excluded == ()


@given(
    st.floats(0, 100),
    st.floats(0, 100),
    st.integers(0, 30),
    st.floats(0, 100),
    st.integers(0, 30),
)
def test_preview_agrees_with_the_routers_own_rule(
    gpu: float, limit: float, active: int, vram: float, active_limit: int
) -> None:
    row = node(gpu_usage=gpu, vram_usage=vram, active_requests=active)
    then = Settings("metrics", limit, 90.0, active_limit)
    judged = (("gpu", gpu > limit), ("vram", vram > 90.0), ("active", active > active_limit))
    expected = {name for name, is_over in judged if is_over}
    found = preview([row], Settings(), then)
    assert {reason.split()[0].lower() for verdict in found.excluded for reason in verdict.reasons} == expected


def test_a_limit_stays_within_its_range() -> None:
    assert Settings().with_value(Limit.GPU, 250.0).gpu == 100.0
    assert Settings().with_value(Limit.VRAM, -5.0).vram == 0.0
    assert Settings().with_value(Limit.ACTIVE, 12.7).active == 12


def test_only_what_changed_is_sent() -> None:
    now = Settings()
    assert now._replace(gpu=90.0, active=12).changes_from(now) == {
        "gpu_threshold": 90.0,
        "active_request_threshold": 12,
    }
    assert now._replace(mode="adaptive").changes_from(now) == {"mode": "adaptive"}
    assert now.changes_from(now) == {}


def test_settings_of_any_shape_are_read() -> None:
    assert read_settings(None) == Settings()
    assert read_settings({"gpu_threshold": "x", "vram_threshold": 70}) == Settings()._replace(vram=70.0)


def test_distribution_has_every_measured_node() -> None:
    counts, top = distribution(FLEET, Limit.GPU, 12)
    assert sum(counts) == 19
    assert top == 100.0
    assert highest(FLEET, Limit.ACTIVE) == 14.0
    assert distribution([], Limit.ACTIVE, 12) == ([0] * 12, 1.0)
    assert highest([], Limit.GPU) is None

"""What a declaration says is what everything derived from it sees."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from llmlb.config.declaration import Kind, declared, plain, setting


@dataclass(frozen=True, slots=True)
class _Kettle:
    """A section of the tests' own."""

    water_litres: float = setting(1.5, key="water", unit="l", low=0, high=2, dev_low=-1, help="How much water.")
    password: str = setting("hunter2", secret=True, help="Opens the lid.")
    tea: tuple[str, ...] = setting((), env=("TEA", "OLD_TEA"), help="Which tea.")
    steps: int | None = setting(None, low=1, high=9, help="How many steps.")


def test_key_in_the_file_may_differ_from_the_attribute() -> None:
    water = declared("kettle", _Kettle)[0]
    assert (water.key, water.attribute, water.kind) == ("kettle.water", "water_litres", Kind.NUMBER)
    assert water.default == 1.5


def test_variable_has_the_systematic_name_unless_another_was_declared() -> None:
    water, _, tea, _ = declared("kettle", _Kettle)
    assert water.variables == ("LLMLB_KETTLE_WATER",)
    assert tea.variables == ("TEA", "OLD_TEA")


def test_settings_of_a_single_node_have_no_variable() -> None:
    assert declared("nodes.<id>", _Kettle)[0].variables == ()


def test_range_is_told_with_its_unit_and_widened_by_dev() -> None:
    water, password, _, steps = declared("kettle", _Kettle)
    assert (water.range_text(), water.range_text(dev=True)) == ("0..2 l", "-1..2 l")
    assert (password.range_text(), steps.range_text()) == ("", "1..9")


def test_optional_number_is_a_number() -> None:
    steps = declared("kettle", _Kettle)[3]
    assert (steps.kind, steps.default) == (Kind.INTEGER, None)


def test_secret_is_absent_from_the_repr() -> None:
    assert "hunter2" not in repr(_Kettle())
    assert "water_litres=1.5" in repr(_Kettle())


def test_type_that_cannot_be_written_in_a_file_is_refused_at_once() -> None:
    @dataclass(frozen=True, slots=True)
    class Strange:
        when: bytes = setting(b"", help="Bytes are no setting.")

    with pytest.raises(TypeError, match="bytes"):
        declared("strange", Strange)


@pytest.mark.parametrize(
    ("value", "text"), [(10.0, "10"), (0.2, "0.2"), (33_554_432, "33554432"), (1e-3, "0.001"), (-0.5, "-0.5")]
)
def test_number_is_written_as_an_operator_writes_it(value: float, text: str) -> None:
    assert plain(value) == text

"""Driver names find their card, and only theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmlb.agent.cards import CARDS, known_card
from llmlb.agent.score import compressed, strength

DOCUMENT = Path(__file__).parents[2] / "docs" / "node-agent.md"


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("NVIDIA GeForce RTX 4090", "rtx 4090"),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "rtx 4090 laptop"),
        ("NVIDIA GeForce RTX 4070 Ti SUPER", "rtx 4070 ti super"),
        ("NVIDIA GeForce RTX 4070", "rtx 4070"),
        ("NVIDIA GeForce GTX 1660 SUPER", "gtx 1660 super"),
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA H100 PCIe", "h100 pcie"),
        ("NVIDIA H800", "h100"),
        ("NVIDIA A100-SXM4-80GB", "a100 80gb"),
        ("NVIDIA A100-PCIE-40GB", "a100"),
        ("NVIDIA A100 80GB PCIe", "a100 80gb pcie"),
        ("NVIDIA GH200 480GB", "gh200"),
        ("Tesla T4", "t4"),
        ("Tesla V100-SXM2-32GB", "v100 32gb"),
        ("NVIDIA L4", "l4"),
        ("NVIDIA L40S", "l40s"),
        ("NVIDIA RTX A6000", "rtx a6000"),
        ("NVIDIA RTX 6000 Ada Generation", "rtx 6000 ada"),
        ("Quadro RTX 6000", "quadro rtx 6000"),
        ("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", "rtx pro 6000"),
        ("AMD Instinct MI300X", "mi300x"),
        ("AMD Radeon RX 7900 XTX", "rx 7900 xtx"),
        ("Apple M2 Max", "apple m2 max"),
        ("Apple M2", "apple m2"),
    ],
)
def test_a_drivers_name_is_taken_for_another_card(name: str, pattern: str) -> None:
    card = known_card(name)
    assert card is not None
    assert card.pattern == pattern


@pytest.mark.parametrize(
    "name", ["", "Intel Arc B580", "NVIDIA GeForce RTX 3070 Ti Laptop GPU", "NVIDIA L400", "GeForce 8800"]
)
def test_an_unknown_or_slower_build_is_not_taken_for_a_known_card(name: str) -> None:
    assert known_card(name) is None


def test_every_card_is_found_by_its_own_pattern() -> None:
    assert [known_card(card.pattern) for card in CARDS] == list(CARDS)


def test_figures_are_plausible() -> None:
    for card in CARDS:
        assert 50 <= card.gb_per_s <= 10_000, card
        assert 2 <= card.vram_gb <= 512, card
        assert 1 <= card.tflops <= 300, card


def test_the_documented_table_is_the_one_in_use() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    table = document.partition("<!-- cards -->\n")[2].partition("<!-- /cards -->")[0].splitlines()[2:]
    expected = [
        f"| {card.pattern} | {card.gb_per_s:g} | {card.vram_gb:g} | {card.tflops:g} | {compressed(strength(card))} |"
        for card in CARDS
    ]
    assert table == expected

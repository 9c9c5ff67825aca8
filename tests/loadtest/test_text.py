from __future__ import annotations

from llmlb.loadtest.text import plain


def test_escape_sequences_bidi_marks_and_line_breaks_do_not_survive() -> None:
    assert plain("a\x1b[31mb\u202ec\n d\x9b5") == "a[31mbc d5"


def test_long_text_is_cut_with_an_ellipsis() -> None:
    assert plain("x" * 500, limit=10) == "x" * 9 + "…"
    assert plain("x" * 10, limit=10) == "x" * 10

"""Positions on the wire: `<epoch>.<modseq>` in plain digits, and nothing that only looks like it."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from notifications.protocol.position import Position, parse_position


@given(epoch=st.integers(1, 2**48 - 1), modseq=st.integers(0, 2**53))
def test_every_position_is_read_back(epoch: int, modseq: int) -> None:
    """What we write as `id:` is what we understand when it returns."""
    position = Position(epoch, modseq)
    assert parse_position(str(position)) == position


@given(text=st.text() | st.from_regex(r"[0-9+\- .eE_]{1,12}", fullmatch=True))
def test_any_other_text_is_no_position(text: str) -> None:
    """Text is a position only if it is written exactly as we write one, so no two texts mean the same."""
    position = parse_position(text)
    assert position is None or str(position) == text


@pytest.mark.parametrize("text", ["1.1\n", " 1.1", "١.٢", "².1", "+1.1", "1.-1", "1_0.1", "01.1", "1.00", ""])
def test_lookalikes_are_no_positions(text: str) -> None:
    """`int()` would take signs, spaces, underscores and any script's digits; the wire takes none of them."""
    assert parse_position(text) is None


def test_numbers_beyond_any_log_are_no_positions() -> None:
    """Numbers that no database column could hold never get there."""
    assert parse_position(f"{'9' * 15}.{'9' * 18}") == Position(10**15 - 1, 10**18 - 1)
    assert parse_position(f"{'9' * 16}.1") is None
    assert parse_position(f"1.{'9' * 19}") is None

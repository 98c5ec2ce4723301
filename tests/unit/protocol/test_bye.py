"""The reasons of `bye`: what follows from each holds on every way it is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from notifications.hub.counters import Counters
from notifications.protocol import frames
from notifications.protocol.bye import Bye
from notifications.protocol.websocket import build_texts

PROTOCOL = Path(__file__).parents[3] / "docs" / "protocol.md"


@pytest.mark.parametrize("why", Bye)
def test_a_goodbye_says_why_and_for_how_long(why: Bye) -> None:
    """The frames hold the reason and a wait within its bounds."""
    (text,) = build_texts(frames.bye(why))
    found = re.fullmatch(r'{"event":"bye","retry":(\d+),"data":{"reason":"(\w+)"}}', text)
    assert found is not None
    assert why.retry_ms[0] <= int(found[1]) <= why.retry_ms[1]
    assert found[2] == why.reason


@pytest.mark.parametrize("why", Bye)
def test_a_reason_may_close_a_websocket(why: Bye) -> None:
    """Its close code is one that an application may use."""
    assert 3000 <= why.close_code <= 4999


def test_each_reason_is_counted() -> None:
    """The metrics have a label for each, before any stream ended for it."""
    assert Counters().byes == {why.reason: 0 for why in Bye}


@pytest.mark.parametrize("why", Bye)
def test_the_protocol_names_each_reason_and_its_code(why: Bye) -> None:
    """Who writes a client finds all of them."""
    text = PROTOCOL.read_text()
    assert f"`{why.reason}`" in text
    assert str(why.close_code) in text

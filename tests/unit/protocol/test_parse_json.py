"""JSON of strangers: bounded in depth before it is parsed, and otherwise what `json.loads` says."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, strategies as st

from notifications.protocol.parse_json import MAX_LEVELS, TooDeep, is_deeper, parse_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


def depth_of(value: Any) -> int:
    """Return how many levels a value has."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


@given(JSON, st.booleans())
def test_the_depth_of_a_text_is_that_of_its_value(value: Any, is_ascii: bool) -> None:
    """Whatever strings hold, brackets and quotes and backslashes too, only those outside count."""
    text = json.dumps(value, ensure_ascii=is_ascii)
    levels = depth_of(value)
    assert not is_deeper(text, levels)
    assert not levels or is_deeper(text, levels - 1)


@given(JSON)
def test_what_is_shallow_is_read_as_ever(value: Any) -> None:
    """As text and as bytes."""
    text = json.dumps(value)
    assert parse_json(text) == parse_json(text.encode()) == parse_json(text.encode("utf-16")) == value


@pytest.mark.parametrize("bomb", ["[" * 500_000, '{"a":' * 100_000, "[" * 8000 + "]" * 8000, '{"do":' + "[{}," * 9000])
def test_a_bomb_is_never_parsed(bomb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is nested deeper than anything that we take is refused before a parser sees it."""
    monkeypatch.setattr("json.loads", lambda *_a, **_k: pytest.fail("parsed"))
    for text in (bomb, bomb.encode()):
        with pytest.raises(TooDeep, match=str(MAX_LEVELS)):
            parse_json(text)


@pytest.mark.parametrize(
    "text", ["[]" * 250_000, '"' + "[" * 500_000, '"' + '\\"[' * 150_000, '"' * 500_000, "\\" * 500_000 + "[" * 65]
)
def test_what_is_no_bomb_takes_linear_time(text: str) -> None:
    """Half a megabyte of anything is looked at in a moment; twice as much takes about twice as long, not four times."""
    began = time.thread_time()
    is_deeper(text, MAX_LEVELS)
    once = time.thread_time() - began
    began = time.thread_time()
    is_deeper(text * 2, MAX_LEVELS)
    assert time.thread_time() - began < 8 * once + 0.5

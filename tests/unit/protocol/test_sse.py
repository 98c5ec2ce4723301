"""Frames: one event each whatever the text holds, by the judgement of two parsers that nobody here wrote.

A third one, of npm, is asked in `tests/integration/test_sse_parsers.py`.

Where these leave the standard does not touch what is compared here. `httpx-sse` dispatches a block without data
(such as a lone `retry:`), which the standard does not; `sseclient-py` does not carry an `id` over to later events.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import httpx_sse
import pytest
import sseclient
from hypothesis import example, given, strategies as st

from notifications.protocol import sse

# Text as it comes, thick with what ends lines, ends strings, starts files or breaks encoders.
HOSTILE = st.lists(
    st.sampled_from(
        ["\r", "\n", "\r\n", "\0", "\ufeff", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\ud800", "\udfff", ":", " "]
        + ["data: ", "event: bye\n", "id: 1.1", "\n\nevent: reset\ndata: {}\n\n", "retry: 1\n", "é", "\U0001f514"]
    )
    | st.text(st.characters(), max_size=5),
    max_size=30,
).map("".join)
FIELD = st.text(st.characters(blacklist_characters="\r\n\0", blacklist_categories=["Cs"]), max_size=20)
Parsed = tuple[str, str, str | None]


def as_chunks(stream: bytes, cuts: list[int]) -> Iterator[bytes]:
    """Cut a stream as a network might."""
    ends = sorted({cut % (len(stream) + 1) for cut in cuts} | {len(stream)})
    for start, end in zip([0, *ends], ends, strict=False):
        if start < end:
            yield stream[start:end]


def by_httpx_sse(stream: bytes, cuts: list[int]) -> list[Parsed]:
    """Return (event, data, id) of each event."""
    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=as_chunks(stream, cuts))
    return [(event.event, event.data, event.id) for event in httpx_sse.EventSource(response).iter_sse()]


def by_sseclient(stream: bytes, cuts: list[int]) -> list[Parsed]:
    """Return (event, data, id) of each event."""
    events = sseclient.SSEClient(as_chunks(stream, cuts)).events()
    return [(event.event, event.data, event.id) for event in events]


def received(data: str) -> str:
    """Return what a client can receive of some text: each line end as LF, what UTF-8 cannot carry as `?`."""
    text = data.replace("\r\n", "\n").replace("\r", "\n")
    return "".join("?" if "\ud800" <= character <= "\udfff" else character for character in text)


@given(data=HOSTILE | st.text(st.characters()), cuts=st.lists(st.integers(0, 10_000), max_size=8))
@example(data="", cuts=[])
@example(data=" leading and trailing ", cuts=[])
@example(data="\ufeff\n\0\r\n\r\u2028\ud800", cuts=[3, 9, 14, 21])
@example(data="x" * 1_000_000 + "\r\n" + "\u00e9" * 1000, cuts=[500_001])
def test_any_text_comes_back_as_one_event(data: str, cuts: list[int]) -> None:
    """Each parser finds exactly one event between its neighbours, with the text that was put in."""
    around = sse.event("ping", "{}", id="1.1")
    stream = around + sse.event("change", data, id="1.2") + around
    expected = [("ping", "{}", "1.1"), ("change", received(data), "1.2"), ("ping", "{}", "1.1")]
    assert by_httpx_sse(stream, cuts) == expected
    assert by_sseclient(stream, cuts) == expected


@given(name=FIELD.filter(bool), identity=FIELD)
def test_any_one_line_name_and_id_come_back(name: str, identity: str) -> None:
    """A name and an id of any characters but line ends and NUL arrive as they are."""
    stream = sse.event(name, "{}", id=identity)
    assert by_httpx_sse(stream, []) == [(name, "{}", identity)]
    assert by_sseclient(stream, []) == [(name, "{}", identity)]


@given(text=HOSTILE.filter(lambda text: any(character in text for character in "\r\n\0")))
def test_a_name_or_id_that_could_forge_a_frame_is_refused(text: str) -> None:
    """A line end or NUL in a name or an id raises, so neither can begin a field of its own."""
    with pytest.raises(ValueError, match="must be one line"):
        sse.event(text, "{}")
    with pytest.raises(ValueError, match="must be one line"):
        sse.event("change", "{}", id=text)


def test_an_event_without_id_leaves_the_position_alone() -> None:
    """`ping` and `bye` have no id field at all, so the client's `Last-Event-ID` stays what it was."""
    assert sse.event("ping", "{}") == b"event: ping\ndata: {}\n\n"
    stream = sse.event("change", "{}", id="1.2") + sse.event("ping", "{}")
    assert [event[2] for event in by_httpx_sse(stream, [])] == ["1.2", "1.2"]


@pytest.mark.parametrize("unit", ["x", "\u20ac", "\n", "\r\n", "\ud800"])
def test_a_megabyte_is_one_event(unit: str) -> None:
    """Size does not matter, nor how many lines it has."""
    data = unit * (1024 * 1024 // len(unit))
    stream = sse.event("change", data, id="1.2")
    assert by_httpx_sse(stream, [5_000, 100_000]) == [("change", received(data), "1.2")]


@given(milliseconds=st.integers(0, 10**9))
def test_retry_sets_the_pause_and_is_no_event(milliseconds: int) -> None:
    """The field arrives as digits, and nothing is dispatched for it."""
    stream = sse.retry(milliseconds)
    assert by_sseclient(stream, []) == []
    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=stream)
    assert [event.retry for event in httpx_sse.EventSource(response).iter_sse()] == [milliseconds]


def test_a_negative_retry_is_refused() -> None:
    """Clients would ignore it, so it raises here."""
    with pytest.raises(ValueError, match="-1 ms"):
        sse.retry(-1)

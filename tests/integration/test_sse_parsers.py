"""Frames, by the judgement of npm's eventsource-parser in a process of Node. Two more: `unit/protocol/test_sse.py`."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable, Iterator

import pytest
from hypothesis import example, given, strategies as st

from notifications.protocol import sse
from tests.support.processes import find_program
from tests.support.shell import ROOT
from tests.unit.protocol.test_sse import HOSTILE, Parsed, as_chunks, received

ByNode = Callable[[bytes, list[int]], list[Parsed]]


@pytest.fixture(scope="module")
def by_node() -> Iterator[ByNode]:
    """Return (event, data, id) of each event, by npm's eventsource-parser in one process of Node."""
    assert (ROOT / "node_modules" / "eventsource-parser").is_dir(), "eventsource-parser is missing; run `make test`."
    command = [find_program("node"), str(ROOT / "tests" / "support" / "eventsource_parser.mjs")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as node:
        assert node.stdin is not None
        assert node.stdout is not None
        write, read = node.stdin, node.stdout

        def parse(stream: bytes, cuts: list[int]) -> list[Parsed]:
            chunks = [base64.b64encode(chunk).decode() for chunk in as_chunks(stream, cuts)]
            write.write(json.dumps(chunks) + "\n")
            write.flush()
            return [tuple(event) for event in json.loads(read.readline())]

        yield parse
        write.close()


@given(data=HOSTILE | st.text(st.characters()), cuts=st.lists(st.integers(0, 10_000), max_size=8))
@example(data="", cuts=[])
@example(data=" leading and trailing ", cuts=[])
@example(data="\ufeff\n\0\r\n\r\u2028\ud800", cuts=[3, 9, 14, 21])
@example(data="x" * 1_000_000 + "\r\n" + "\u00e9" * 1000, cuts=[500_001])
def test_any_text_comes_back_from_node_as_one_event(by_node: ByNode, data: str, cuts: list[int]) -> None:
    """The parser finds exactly one event between its neighbours, with the text that was put in."""
    around = sse.event("ping", "{}", id="1.1")
    stream = around + sse.event("change", data, id="1.2") + around
    assert by_node(stream, cuts) == [("ping", "{}", "1.1"), ("change", received(data), "1.2"), ("ping", "{}", "1.1")]

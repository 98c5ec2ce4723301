"""The batcher: what many ask at once is looked up together, and what is wrong with one answer is that one's alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError

from notifications.hub.batcher import Batcher, load_each
from notifications.hub.executor import Executor

SECONDS = 10


class Finder:
    """Answers with a key in capitals, and notes what it was asked; fails for `bad` ones, also among others."""

    def __init__(self, **bad: Exception) -> None:
        self.bad = bad
        self.asked: list[list[str]] = []

    def __call__(self, keys: Iterable[str]) -> dict[str, str]:
        """Return what is known of these keys; of those that are empty, nothing."""
        self.asked.append(list(keys))
        for key in self.asked[-1]:
            if key in self.bad:
                raise self.bad[key]
        return {key: key.upper() for key in self.asked[-1] if key}


def test_all_are_asked_for_at_once() -> None:
    """Without a failure it is one question; what was not found is left out."""
    find = Finder()
    assert load_each(find, iter(["a", "", "b"])) == ({"a": "A", "b": "B"}, {})
    assert find.asked == [["a", "", "b"]]


def test_one_bad_key_spoils_nobody_elses_answer() -> None:
    """Where the question for all fails, each is asked for alone: the bad ones get their error, the others their answer."""
    errors: dict[str, Exception] = {"bad": ValueError("malformed"), "worse": RuntimeError("broken")}
    find = Finder(**errors)
    assert load_each(find, ["a", "bad", "b", "worse"]) == ({"a": "A", "b": "B"}, errors)
    assert find.asked == [["a", "bad", "b", "worse"], ["a"], ["bad"], ["b"], ["worse"]]


def test_a_single_key_is_asked_for_once() -> None:
    """Asked again it would only fail again."""
    error = ValueError("malformed")
    find = Finder(bad=error)
    assert load_each(find, ["bad"]) == ({}, {"bad": error})
    assert find.asked == [["bad"]]


@pytest.mark.parametrize("error", [OperationalError("away"), InterfaceError("closed")])
def test_a_database_that_is_away_is_not_asked_for_each(error: Exception) -> None:
    """It is nobody's own failure, so it is raised: also where it goes away between one and the next."""
    find = Finder(b=error)
    with pytest.raises(type(error)):
        load_each(find, ["a", "b"])
    assert len(find.asked) == 1
    find = Finder(bad=ValueError("malformed"), b=error)
    with pytest.raises(type(error)):
        load_each(find, ["bad", "a", "b"])
    assert find.asked[1:] == [["bad"], ["a"], ["b"]]


async def test_who_waits_gets_the_answer_or_the_error_of_its_own(threads: Executor) -> None:
    """Of those who ask together the one with a bad key gets an error, the others what there is, or None."""
    batcher = Batcher(threads, Finder(bad=ValueError("malformed")))
    answers = await asyncio.gather(*map(batcher.load, ["a", "bad", ""]), return_exceptions=True)
    assert answers[0] == "A"
    assert isinstance(answers[1], ValueError)
    assert answers[2] is None


async def test_those_who_come_during_a_look_up_share_the_next(threads: Executor) -> None:
    """However many connect while one look-up runs, one more answers them all: a flood cannot queue up thousands."""
    batches: list[list[str]] = []
    has_begun, may_end = threading.Event(), threading.Event()

    def find(keys: Iterable[str]) -> dict[str, str]:
        batches.append(sorted(keys))
        has_begun.set()
        assert may_end.wait(SECONDS)
        return {key: key.upper() for key in batches[-1]}

    batcher = Batcher(threads, find)
    first = asyncio.ensure_future(batcher.load("first"))
    await asyncio.to_thread(has_begun.wait, SECONDS)
    others = [asyncio.ensure_future(batcher.load(f"key{number:03}")) for number in range(200)]
    await asyncio.sleep(0)
    may_end.set()
    assert await first == "FIRST"
    assert await asyncio.gather(*others) == [f"KEY{number:03}" for number in range(200)]
    assert [len(batch) for batch in batches] == [1, 200]


async def test_a_database_that_hangs_refuses_in_time(threads: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who connects meanwhile is told to come back, instead of waiting for ever."""
    monkeypatch.setattr("notifications.hub.batcher.CHECK_SECONDS", 0.05)
    is_over = threading.Event()

    def find(_keys: Any) -> dict[str, str]:
        is_over.wait(SECONDS)
        return {}

    with pytest.raises(TimeoutError):
        await Batcher(threads, find).load("anybody")
    is_over.set()

"""The doorbell: it never blocks, never raises, never grows, and keeps the order; nothing but latency depends on it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer
from django.contrib.auth.models import User
from pytest_django import Settings

from notifications import notify
from notifications.log import doorbell
from notifications.log.doorbell import MAX_DATA_CHARS, MESSAGE_TYPE, Change, Ringer, build_message
from notifications.models import Notification
from tests.support.layers import Layer

SECONDS = 10.0  # longest wait for an event; each comes within milliseconds


@pytest.fixture(autouse=True)
def rung() -> None:
    """Nothing stands in for the doorbell here."""


OTHERS: list[threading.Thread] = []  # what ran before the test: the process's own ringer may have a thread by then


def change(number: int, data: str | None = "{}", user: str = "7") -> Change:
    """Return the step of one user from `number - 1` to `number`."""
    return Change(user, 99, number - 1, number, data)


@pytest.fixture
def layer(monkeypatch: pytest.MonkeyPatch) -> Layer:
    """The layer of this process; not the in-memory one, so others could hear."""
    made = Layer()
    monkeypatch.setattr(doorbell, "get_channel_layer", lambda _alias: made)
    return made


@pytest.fixture
def ringer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ringer]:
    """The ringer of this process, as if it had just begun; its thread ends with the test."""
    before = threading.enumerate()
    OTHERS[:] = before
    made = Ringer()
    monkeypatch.setattr(doorbell, "ringer", made)
    yield made
    loop = made._loop
    for thread in threading.enumerate():
        if thread not in before and thread.name == "notifications-doorbell" and loop is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(SECONDS)
            loop.close()


def doorbell_threads() -> list[threading.Thread]:
    """Return the threads on which this test's doorbells are sent."""
    return [thread for thread in set(threading.enumerate()) - set(OTHERS) if thread.name == "notifications-doorbell"]


def test_changes_are_sent_in_the_order_of_their_ringing(ringer: Ringer, layer: Layer) -> None:
    """To the configured group, in messages of the documented form."""
    for number in range(2, 300):
        ringer.put([change(number)])
    assert ringer.flush(SECONDS)
    assert layer.numbers == list(range(2, 300))
    assert layer.groups == {"notifications"}
    assert layer.sent[0]["type"] == MESSAGE_TYPE
    first = layer.sent[0]["changes"][0]
    assert first.items() >= {"user": "7", "epoch": 99, "prev": 1, "modseq": 2, "data": "{}"}.items()


def test_what_waits_goes_out_together(ringer: Ringer, layer: Layer) -> None:
    """A broadcast is a few messages of at most 200 changes, not one for each recipient."""
    ringer.put([change(number) for number in range(2, 502)])
    assert ringer.flush(SECONDS)
    assert [len(content["changes"]) for content in layer.sent] == [200, 200, 100]


def test_big_changes_share_a_message_up_to_a_size(ringer: Ringer, layer: Layer) -> None:
    """No message grows beyond 256 Ki characters, except by a single change."""
    ringer.put([change(number, "x" * 40_000) for number in range(2, 16)])
    assert ringer.flush(SECONDS)
    assert [len(content["changes"]) for content in layer.sent] == [6, 6, 2]


def test_nothing_of_a_change_is_lost_on_the_way() -> None:
    """What is rung has every field of the change: without its topic a public one named no log at all."""
    told = Change(None, 8198, 41, 42, "{}", topic="status")
    [rung] = build_message([told])["changes"]
    assert rung == asdict(told)


@pytest.mark.parametrize(("chars", "is_light"), [(MAX_DATA_CHARS, False), (MAX_DATA_CHARS + 1, True)])
def test_over_long_data_is_sent_light(chars: int, is_light: bool) -> None:
    """Such a change is read from the log; its numbers are told all the same."""
    (told,) = build_message([change(2, "x" * chars)])["changes"]
    assert (told["data"] is None) is is_light
    assert told["modseq"] == 2


def test_a_site_may_ring_without_content(settings: Settings) -> None:
    """Then who listens on the way learns whose log went from where to where, and no word of it."""
    settings.NOTIFICATIONS_RING_CONTENT = False
    (told,) = build_message([change(2, "{}")])["changes"]
    assert told["data"] is None
    assert (told["user"], told["prev"], told["modseq"]) == ("7", 1, 2)


def test_put_does_not_wait_for_a_hanging_layer(ringer: Ringer, layer: Layer) -> None:
    """While the layer hangs, writers go on; what they rang goes out when it answers again."""
    layer.gate.clear()
    ringer.put([change(2)])
    assert layer.is_asked.wait(SECONDS)
    ringer.put([change(number) for number in range(3, 10)])
    assert layer.sent == []
    layer.gate.set()
    assert ringer.flush(SECONDS)
    assert layer.numbers == list(range(2, 10))


def test_a_hanging_layer_is_given_up(
    ringer: Ringer, layer: Layer, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """After `NOTIFICATIONS_DOORBELL_TIMEOUT_SECONDS` the doorbell is dropped and counted, in one log line."""
    settings.NOTIFICATIONS_DOORBELL_TIMEOUT_SECONDS = 0.01
    layer.gate.clear()
    ringer.put([change(number) for number in range(2, 402)])
    assert ringer.flush(SECONDS)
    assert ringer.dropped == 400
    assert len(caplog.records) == 1
    assert "TimeoutError" in caplog.text


def test_one_log_line_for_an_outage(ringer: Ringer, layer: Layer, caplog: pytest.LogCaptureFixture) -> None:
    """However many doorbells fail; one more when the layer is back, and one for the next outage. No content in any."""
    caplog.set_level(logging.INFO, "notifications.log.doorbell")
    for error in (ConnectionError("no layer"), None, OSError("no layer again")):
        layer.error = error
        for number in range(2, 6):
            ringer.put([change(number, '{"title":"a secret"}')])
            assert ringer.flush(SECONDS)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "WARNING"]
    assert "secret" not in caplog.text
    assert ringer.dropped == 8
    assert layer.numbers == [2, 3, 4, 5]


@pytest.mark.parametrize("size", [5, 0])
def test_the_backlog_is_bounded(ringer: Ringer, layer: Layer, settings: Settings, size: int) -> None:
    """What does not fit is dropped and counted, also where the bound was lowered below what waits already."""
    settings.NOTIFICATIONS_DOORBELL_BACKLOG = 5
    layer.gate.clear()
    ringer.put([change(1)])
    assert layer.is_asked.wait(SECONDS)
    ringer.put([change(number) for number in range(2, 5)])
    settings.NOTIFICATIONS_DOORBELL_BACKLOG = size or 1
    ringer.put([change(number) for number in range(5, 11)])
    assert len(ringer._waiting) == (size or 3)
    assert ringer.dropped == (4 if size else 6)
    layer.gate.set()
    assert ringer.flush(SECONDS)


def test_a_layer_that_cannot_be_built_is_an_outage(
    ringer: Ringer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong BACKEND or CONFIG is one log line; `put` does not raise."""

    def fail(_alias: str) -> None:
        raise ImportError("no such backend")

    monkeypatch.setattr(doorbell, "get_channel_layer", fail)
    ringer.put([change(2)])
    ringer.put([change(3)])
    assert ringer.dropped == 2
    assert len(caplog.records) == 1


@pytest.mark.parametrize("made", [InMemoryChannelLayer, lambda: None])
def test_without_a_hub_nobody_hears_the_in_memory_layer(
    ringer: Ringer, monkeypatch: pytest.MonkeyPatch, made: Callable[[], Any]
) -> None:
    """A command or worker without Redis sends nothing and starts no thread; neither does a site without a layer."""
    monkeypatch.setattr(doorbell, "get_channel_layer", lambda _alias: made())
    ringer.put([change(2)])
    assert not ringer._waiting
    assert doorbell_threads() == []
    assert ringer.flush(SECONDS)


def test_one_thread_sends_for_all(ringer: Ringer, layer: Layer) -> None:
    """Many threads that ring at once, the very first time, start one loop, and each one's order is kept."""
    barrier = threading.Barrier(8)

    def ring(user: str) -> None:
        barrier.wait(SECONDS)
        for number in range(2, 50):
            ringer.put([change(number, user=user)])

    threads = [threading.Thread(target=ring, args=(str(user),)) for user in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert ringer.flush(SECONDS)
    assert len(doorbell_threads()) == 1
    told = [each for content in layer.sent for each in content["changes"]]
    for user in range(8):
        assert [each["modseq"] for each in told if each["user"] == str(user)] == list(range(2, 50))


async def test_the_hubs_loop_sends_where_there_is_one(ringer: Ringer, layer: Layer) -> None:
    """Rung from another thread, sent on this loop; no thread is started."""
    ringer.settle(asyncio.get_running_loop())
    await asyncio.to_thread(ringer.put, [change(2)])
    assert await asyncio.to_thread(ringer.flush, SECONDS)
    assert layer.numbers == [2]
    assert layer.threads == {threading.current_thread().name}
    assert doorbell_threads() == []


def test_it_goes_on_when_the_hub_has_gone(ringer: Ringer, layer: Layer) -> None:
    """A loop that ended takes nothing with it that rings later."""

    async def live() -> None:
        ringer.settle(asyncio.get_running_loop())
        ringer.put([change(2)])
        while not layer.sent:  # noqa: ASYNC110 - filled by the ringer, which tells nobody
            await asyncio.sleep(0)

    asyncio.run(live())
    ringer.put([change(3)])
    assert ringer.flush(SECONDS)
    assert layer.numbers == [2, 3]
    assert layer.threads >= {"notifications-doorbell"}


def test_flush_does_not_wait_for_ever(ringer: Ringer, layer: Layer) -> None:
    """At the exit of a process a layer that hangs costs a moment, not the process."""
    layer.gate.clear()
    ringer.put([change(2)])
    assert not ringer.flush(0.01)
    layer.gate.set()
    assert ringer.flush(SECONDS)


@pytest.mark.django_db(transaction=True)
def test_a_write_stands_whatever_the_layer_does(user: User, ringer: Ringer, layer: Layer) -> None:
    """`notify()` returns a committed row though the layer is down."""
    layer.error = ConnectionError("no layer")
    notify(user, title="stands")
    assert ringer.flush(SECONDS)
    assert Notification.objects.for_user(user).count() == 1
    assert ringer.dropped == 1

"""The listener: it joins, hears, probes itself, and says so when it hears no more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer
from django.test import override_settings
from pytest_django import Settings

from notifications.hub import listener as layer_listener
from notifications.hub.counters import counters
from notifications.hub.shutdown import DRAIN_TYPE
from notifications.log import seals
from notifications.log.doorbell import MESSAGE_TYPE
from tests.support.asgi import channel_layer
from tests.support.browser import DEADLINE_SECONDS, until

Change = dict[str, Any]
GROUP = "notifications"


def rung(*users: str) -> Change:
    """Return a message of the site's own about these users."""
    words = {"epoch": 1, "prev": 1, "modseq": 2, "data": "{}", "committed_at": 0.5, "topic": ""}
    return seals.seal({"type": MESSAGE_TYPE, "changes": [{"user": user} | words for user in users]})


class Listening:
    """A listener on a layer, and what it heard."""

    def __init__(self, layer: InMemoryChannelLayer) -> None:
        self.layer = layer
        self.heard: list[Change] = []
        self.joined = 0
        self.drained: list[float] = []
        self.task = asyncio.create_task(layer_listener.listen(self.hear, self.on_joined, self.drained.append))

    def hear(self, change: Change) -> None:
        if change["user"] == "raises":
            raise KeyError("a change without what it needs")
        self.heard.append(change)

    def on_joined(self) -> None:
        self.joined += 1

    async def ended(self) -> None:
        """Wait for the end of the listening, and raise what ended it."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            await asyncio.wait([self.task])
        self.task.result()

    async def ring(self, *users: str) -> None:
        await self.layer.group_send(GROUP, rung(*users))


@asynccontextmanager
async def listening(layer: InMemoryChannelLayer) -> AsyncIterator[Listening]:
    """Listen on a layer of the test's own."""
    with channel_layer(layer):
        listener = Listening(layer)
        try:
            await until(lambda: listener.joined or listener.task.done())
            yield listener
        finally:
            listener.task.cancel()
            await asyncio.gather(listener.task, return_exceptions=True)


@pytest.fixture(autouse=True)
def quick(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Probe all the time, and give a lost probe up soon."""
    settings.NOTIFICATIONS_REJOIN_SECONDS = 0.05
    monkeypatch.setattr(layer_listener, "LAYER_SECONDS", 0.1)


class Layer(InMemoryChannelLayer):
    """The in-memory layer, with faults to switch on."""

    def __init__(self) -> None:
        super().__init__()
        self.forgets = False
        self.is_away = False
        self.probes = 0
        self.discarded: list[str] = []
        self.foreign_to: str | None = None  # who hears another hub's probe instead of its own

    async def group_add(self, group: str, channel: str) -> None:
        if self.is_away:
            raise ConnectionError("layer is away")
        if not self.forgets:
            await super().group_add(group, channel)

    async def group_send(self, group: str, message: Any) -> None:
        self.probes += message["type"] == layer_listener.PROBE_TYPE
        if self.is_away:
            raise ConnectionError("layer is away")
        if self.foreign_to is not None:
            await self.send(self.foreign_to, message | {"channel": "of.another!hub"})
        await super().group_send(group, message)

    async def group_discard(self, group: str, channel: str) -> None:
        self.discarded.append(channel)
        await super().group_discard(group, channel)


async def test_every_change_of_a_message_is_heard_in_order() -> None:
    """A message of many changes is handed on one by one."""
    async with listening(Layer()) as listener:
        await listener.ring("1", "2")
        await listener.ring("3")
        await until(lambda: len(listener.heard) == 3)
        assert [change["user"] for change in listener.heard] == ["1", "2", "3"]


async def test_probes_come_back_and_are_not_handed_on() -> None:
    """While the layer works the listener goes on, and the hub sees nothing of its probing."""
    layer = Layer()
    async with listening(layer) as listener:
        await until(lambda: layer.probes >= 3)
        assert not listener.task.done()
        assert (listener.heard, listener.joined) == ([], 1)


async def test_a_layer_that_forgot_us_for_a_moment_is_joined_again() -> None:
    """Membership that expired is renewed by the next probe, without starting over."""
    layer = Layer()
    async with listening(layer) as listener:
        layer.groups.clear()
        probes = layer.probes
        await until(lambda: layer.probes > probes)
        await listener.ring("1")
        await until(lambda: listener.heard)
        assert not listener.task.done()


async def test_a_lost_probe_is_deafness() -> None:
    """A layer that forgets its members for good is found out: `ProbeLost`, with the group and the time in the message."""
    layer = Layer()
    async with listening(layer) as listener:
        layer.forgets = True
        layer.groups.clear()
        with pytest.raises(layer_listener.ProbeLost, match=r"group 'notifications' within 0\.1 s"):
            await listener.ended()
        assert layer.discarded, "left before joining anew, or pub/sub would believe that it is still subscribed"


async def test_another_hubs_probe_is_not_ours() -> None:
    """A probe proves nothing to anybody but the one who sent it."""
    layer = Layer()
    async with listening(layer) as listener:
        layer.forgets = True
        layer.foreign_to = next(iter(layer.groups[GROUP]))
        layer.groups.clear()
        with pytest.raises(layer_listener.ProbeLost):
            await listener.ended()


async def test_a_layer_that_raises_ends_the_listening() -> None:
    """The error comes out, for the hub to log and to listen again."""
    layer = Layer()
    async with listening(layer) as listener:
        layer.is_away = True
        with pytest.raises(ConnectionError, match="layer is away"):
            await listener.ended()


async def test_a_layer_that_cannot_be_joined_is_not_heard() -> None:
    """`on_joined` is called only when doorbells can be heard."""
    layer = Layer()
    layer.is_away = True
    async with listening(layer) as listener:
        with pytest.raises(ConnectionError):
            await listener.ended()
        assert listener.joined == 0


async def test_a_layer_that_hangs_is_given_up() -> None:
    """Joining takes a bounded time."""

    class Hanging(Layer):
        async def group_add(self, group: str, channel: str) -> None:
            await asyncio.Event().wait()

    async with listening(Hanging()) as listener:
        with pytest.raises(TimeoutError):
            await listener.ended()


async def test_a_change_that_cannot_be_heard_costs_its_message_only(caplog: pytest.LogCaptureFixture) -> None:
    """What raises is logged, the rest of that message is left to the sweeper, and the next one is heard."""
    async with listening(Layer()) as listener:
        await listener.ring("1", "raises", "2")
        await listener.ring("3")
        await until(lambda: listener.heard and listener.heard[-1]["user"] == "3")
        assert [change["user"] for change in listener.heard] == ["1", "3"]
        assert "A doorbell could not be read" in caplog.text


async def test_a_flood_lets_the_loop_write_between() -> None:
    """Many messages at once do not keep the loop to themselves: it gets a turn after every few."""
    layer = Layer()
    async with listening(layer) as listener:
        channel = next(iter(layer.groups[GROUP]))
        for number in range(80):
            await layer.send(channel, rung(str(number)))
        heard = []
        while len(listener.heard) < 80:
            await asyncio.sleep(0)
            heard.append(len(listener.heard))
        assert heard[0] <= layer_listener.MESSAGES_PER_TURN
        assert len(set(heard)) >= 80 // layer_listener.MESSAGES_PER_TURN


async def test_the_order_to_drain_is_handed_on() -> None:
    """An order to let streams go reaches whoever listens, with its number of seconds; nonsense is passed over."""
    layer = Layer()
    async with listening(layer) as listener:
        for seconds in ("soon", 2):
            order = {"type": DRAIN_TYPE, "seconds": seconds, "sent_at": time.time()}
            await layer.group_send(GROUP, seals.seal(order))
        await until(lambda: listener.drained)
        assert listener.drained == [2.0]


@pytest.mark.parametrize(
    "kind",
    [
        "no seal",
        "another key",
        "other data",
        "another user",
        "an old order",
        "text for a number",
        "text for all",
        "no form",
    ],
)
async def test_a_forged_message_is_not_heard(kind: str, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """Who reaches the layer cannot speak for the site: it is refused and counted, and of many only the first is logged.

    The seal covered what numbers look like and not that they are numbers. So a recorded change passed with its time as
    text, at which the hub's turn of writing broke off, or with a time that took in the rest of the change, up to what the
    title of a notification offered as user and data. One without any form was logged each time, with a traceback.
    """
    before = counters.refused
    forged = rung("1")
    if kind == "no seal":
        del forged["seal"]
    elif kind == "another key":
        with override_settings(SECRET_KEY="of-somebody-else"):
            forged = rung("1")
    elif kind == "an old order":
        forged = seals.seal({"type": DRAIN_TYPE, "seconds": 1.0, "sent_at": time.time() - 3600})
    elif kind == "no form":
        forged["changes"] = [{"user": ["1"]}]
    elif kind == "text for a number":
        forged["changes"][0]["committed_at"] = "0.5"
    elif kind == "text for all":
        words = {
            "epoch": 1,
            "prev": 1,
            "modseq": 2,
            "data": "a title 1:2 0: 6:forged",
            "committed_at": 0.5,
            "topic": "",
        }
        forged = seals.seal({"type": MESSAGE_TYPE, "changes": [{"user": "1"} | words]})
        forged["changes"][0] |= {"user": "2", "data": "forged", "committed_at": "0.5 1:1 0: 23:a title"}
    else:
        forged["changes"][0] |= {"data": '{"title": "forged"}'} if kind == "other data" else {"user": "2"}
    layer = Layer()
    async with listening(layer) as listener:
        for _ in range(3):
            await layer.group_send(GROUP, forged)
        await listener.ring("3")
        await until(lambda: listener.heard)
        assert [change["user"] for change in listener.heard] == ["3"]
        assert listener.drained == []
    assert counters.refused == before + 3
    assert caplog.text.count("Refused a doorbell in group 'notifications'") == 1
    assert "forged" not in caplog.text


async def test_a_key_that_was_replaced_is_still_believed(settings: Settings) -> None:
    """While SECRET_KEY is rotated, workers that have the new one hear those that have the old one."""
    layer = Layer()
    async with listening(layer) as listener:
        await layer.group_send(GROUP, message := rung("1"))
        await until(lambda: listener.heard)
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "the-new-one"
        await layer.group_send(GROUP, message)
        await until(lambda: len(listener.heard) == 2)


async def test_a_site_may_do_without_seals(settings: Settings) -> None:
    """With NOTIFICATIONS_SIGN_DOORBELLS off nothing is sealed, and everything believed."""
    settings.NOTIFICATIONS_SIGN_DOORBELLS = False
    async with listening(Layer()) as listener:
        assert "seal" not in rung("1")
        await listener.ring("1")
        await until(lambda: listener.heard)


async def test_without_a_layer_only_the_sweeper_is_left(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """A site whose CHANNEL_LAYERS lacks the alias is told so, once, and streams go on."""
    settings.NOTIFICATIONS_CHANNEL_LAYER = "missing"
    task = asyncio.create_task(layer_listener.listen(lambda change: None, lambda: None, lambda seconds: None))
    await until(lambda: "missing" in caplog.text)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_listening_ends_without_a_trace() -> None:
    """Cancelled, it leaves the group and ends its receiving task."""
    layer = Layer()
    async with listening(layer) as listener:
        listener.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listener.ended()
        assert layer.groups == {}
        assert not [task for task in asyncio.all_tasks() if task.get_name() == "notifications.hub.receive"]

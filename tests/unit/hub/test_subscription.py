"""One stream's line: a write that finishes at once needs no task, one that does not is taken over half-run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import chain
from typing import Any

import pytest

from notifications.hub.subscription import Resumed, Subscription
from notifications.protocol.position import Position

Message = dict[str, Any]


def subscribed(send: Callable[[Message], Awaitable[None]], position: Position | None = None) -> Subscription:
    """Return a stream of user 7."""
    return Subscription(user_id=7, credential="key", send=send, position=position)


class Line:
    """A server's `send` that waits while its buffer is full."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.has_room = asyncio.Event()
        self.has_room.set()
        self.left_by: type[BaseException] | None = None

    async def send(self, message: Message) -> None:
        try:
            await self.has_room.wait()
        except BaseException as error:
            self.left_by = type(error)
            raise
        self.sent.append(message)

    @property
    def bodies(self) -> list[bytes]:
        return [message["body"] for message in self.sent if "body" in message]


async def test_a_write_that_does_not_wait_is_done_when_step_returns() -> None:
    """Nothing is left to await, and the response's start goes before the first body only."""
    line = Line()
    subscription = subscribed(line.send)
    assert subscription.step(b"one") is None
    assert subscription.step(b"two") is None
    assert [message["type"] for message in line.sent] == ["http.response.start"] + ["http.response.body"] * 2
    assert [message["more_body"] for message in line.sent[1:]] == [True, True]


async def test_the_last_write_ends_the_response() -> None:
    """`is_last` says so to the server, also as the very first write."""
    line = Line()
    assert subscribed(line.send).step(b"bye", is_last=True) is None
    assert line.sent[0]["status"] == 200
    assert line.sent[1]["more_body"] is False


async def test_a_write_that_waits_is_finished_by_whoever_awaits_it() -> None:
    """What `step` left half-run goes on where it stood: each message is sent once, in order."""
    line = Line()
    line.has_room.clear()
    rest = subscribed(line.send).step(b"one")
    assert isinstance(rest, Resumed)
    assert line.sent == []
    task = asyncio.ensure_future(rest)
    await asyncio.sleep(0)
    line.has_room.set()
    await task
    assert line.bodies == [b"one"]


async def test_room_that_came_before_anyone_awaited_is_not_missed() -> None:
    """The buffer may drain between the step and the task that takes it over."""
    line = Line()
    line.has_room.clear()
    rest = subscribed(line.send).step(b"one")
    line.has_room.set()
    await asyncio.sleep(0)
    assert rest is not None
    async with asyncio.timeout(5):
        await rest
    assert line.bodies == [b"one"]


async def test_a_write_may_wait_more_than_once() -> None:
    """After it was taken over, `send` may wait again, for a future or for the loop's next turn."""
    sent: list[Message] = []
    gate = asyncio.Event()

    async def send(message: Message) -> None:
        await asyncio.sleep(0)
        await gate.wait()
        await asyncio.sleep(0)
        sent.append(message)

    rest = subscribed(send).step(b"one")
    assert rest is not None
    task = asyncio.ensure_future(rest)
    await asyncio.sleep(0)
    gate.set()
    await task
    assert [message.get("body") for message in sent] == [None, b"one"]


async def test_a_servers_awaitable_may_be_an_iterator() -> None:
    """Granian's `send` waits in an iterator without `close()`, which raised and left the stream behind, open and silent."""
    room: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    sent: list[Message] = []

    class Waiting:
        def __await__(self) -> Iterator[Any]:
            return chain(room.__await__())  # an iterator, no generator

    def send(message: Message) -> Any:
        sent.append(message)
        return Waiting()

    subscription = subscribed(send)
    subscription.has_started = True
    rest = subscription.step(b"one")
    assert rest is not None
    room.set_result(None)
    await rest
    again = asyncio.ensure_future(Resumed(iter([None]), None))
    await asyncio.sleep(0)
    again.cancel()
    with pytest.raises(asyncio.CancelledError):
        await again
    assert len(sent) == 1


async def test_a_cancelled_write_leaves_the_servers_send() -> None:
    """Cancelled while it waits, the half-run `send` is left at once and nothing is sent later."""
    line = Line()
    line.has_room.clear()
    rest = subscribed(line.send).step(b"one")
    task = asyncio.ensure_future(rest)  # type: ignore[arg-type]
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert line.left_by in (GeneratorExit, asyncio.CancelledError)
    line.has_room.set()
    await asyncio.sleep(0)
    assert line.sent == []


async def test_a_write_that_fails_while_waiting_raises_where_it_is_awaited() -> None:
    """What the server raises for a client that has gone reaches whoever awaits."""
    waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def send(message: Message) -> None:
        await waiting

    rest = subscribed(send).step(b"one")
    assert rest is not None
    waiting.set_exception(OSError("gone"))
    with pytest.raises(OSError, match="gone"):
        await rest


async def test_a_write_that_fails_at_once_raises_from_step() -> None:
    """The caller learns at once that the client has gone."""

    async def send(message: Message) -> None:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        subscribed(send).step(b"one")


async def test_due_frames_are_taken_as_one_write() -> None:
    """Taking them leaves none, and a single frame is passed on as the very object that all streams share."""
    subscription = subscribed(Line().send)
    frame = b"event: change\n\n"
    subscription.due, subscription.due_bytes = [frame], len(frame)
    assert subscription.take_due() is frame
    subscription.due, subscription.due_bytes = [b"a", b"b"], 2
    assert subscription.take_due() == b"ab"
    assert (subscription.due, subscription.due_bytes, subscription.take_due()) == ([], 0, b"")


@pytest.mark.parametrize("position", [None, Position(9, 41)])
async def test_a_stream_knows_where_its_client_stands(position: Position | None) -> None:
    """The position is the one that was brought along; who brought none knows nothing."""
    subscription = subscribed(Line().send, position)
    assert subscription.position == position
    assert subscription.key == "7"


@pytest.mark.parametrize("state", ["is_reading", "sending", "is_ended"])
async def test_a_stream_is_live_after_hello_while_nothing_else_is_going_on(state: str) -> None:
    """A change goes straight out only where `hello` was said, no read is under way, no write waits, and nobody left."""
    subscription = subscribed(Line().send)
    was_live = [subscription.is_live]
    for name in ("has_hello", state):
        setattr(subscription, name, True)
        was_live.append(subscription.is_live)
    assert was_live == [False, True, False]

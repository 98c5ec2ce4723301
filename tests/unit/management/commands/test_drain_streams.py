"""`drain_streams`: the order reaches every hub of the group, or the command says why it cannot have."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from pytest_django import Settings

from notifications.log.seals import is_genuine
from tests.support.asgi import Site, channel_layer


class Layer:
    """A layer to other processes, that takes, refuses or never answers."""

    def __init__(self, error: Exception | None = None, *, is_frozen: bool = False) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.error = error
        self.is_frozen = is_frozen

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        if self.is_frozen:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        self.sent.append((group, message))


def run(layer: Any, **options: Any) -> str:
    """Run the command with this layer and return what it wrote."""
    out = io.StringIO()
    with channel_layer(layer):
        call_command("drain_streams", stdout=out, **options)
    return out.getvalue()


def refusal_of(layer: Any, **options: Any) -> str:
    """Run the command, which must refuse, and return its words."""
    with pytest.raises(CommandError) as refusal:
        run(layer, **options)
    return str(refusal.value)


def test_the_order_goes_to_the_group(settings: Settings) -> None:
    """With the seconds given, else with those of the settings; another site's group hears nothing."""
    settings.NOTIFICATIONS_GROUP, settings.NOTIFICATIONS_DRAIN_SECONDS = "mine", 7.0
    layer = Layer()
    assert run(layer) == "Asked every worker of the group 'mine' to let its streams go within 7 s.\n"
    run(layer, seconds="2.5")
    assert [(group, order["type"], order["seconds"]) for group, order in layer.sent] == [
        ("mine", "notifications.drain", seconds) for seconds in (7.0, 2.5)
    ]
    assert all(is_genuine(order) for _group, order in layer.sent)


@pytest.mark.django_db(transaction=True)
async def test_every_stream_of_the_group_moves_on(
    site: Site, user: User, other_user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hub that hears the order says `bye drain` to the streams of all users, and takes new ones after that."""
    monkeypatch.setattr("notifications.management.commands.drain_streams.InMemoryChannelLayer", Layer)
    browsers = [await site.open(each) for each in (user, other_user)]
    for browser in browsers:
        await browser.hello()
    await asyncio.to_thread(call_command, "drain_streams", seconds=0.1, verbosity=0)
    for browser in browsers:
        assert (await browser.next("bye")).data["reason"] == "drain"
    again = await site.open(user)
    await again.hello()


def test_the_in_memory_layer_reaches_nobody() -> None:
    """The message says so, and what to do instead."""
    words = refusal_of(InMemoryChannelLayer())
    assert "reaches no other process" in words
    assert "SIGTERM" in words
    assert "RedisPubSubChannelLayer" in words


def test_a_layer_that_fails_is_named() -> None:
    """Whatever it raises."""
    assert "(ConnectionError: refused), so no stream was asked to go" in refusal_of(Layer(ConnectionError("refused")))


def test_a_layer_that_does_not_answer_is_given_up() -> None:
    """After the time-out and not later."""
    assert "did not take the order within 0.1 s" in refusal_of(Layer(is_frozen=True), timeout=0.1)


def test_without_a_layer_the_setting_is_named(settings: Settings) -> None:
    """An alias that CHANNEL_LAYERS lacks, or a backend that cannot be built."""
    settings.NOTIFICATIONS_CHANNEL_LAYER = "absent"
    assert "CHANNEL_LAYERS has no 'absent'" in refusal_of(Layer())
    settings.CHANNEL_LAYERS = {"absent": {"BACKEND": "nowhere.Layer"}}
    assert "CHANNEL_LAYERS['absent'] cannot be built" in refusal_of(Layer())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seconds": "soon"}, "--seconds 'soon' is not a number of seconds from 0 to 3600"),
        ({"seconds": -1}, "--seconds -1 is not a number"),
        ({"seconds": "nan"}, "--seconds 'nan' is not a number"),
        ({"timeout": 0}, "--timeout 0 is not a number of seconds from 0.1 to 60"),
    ],
)
def test_a_wrong_option_is_refused_with_its_remedy(options: dict[str, Any], words: str) -> None:
    """Nothing is sent then."""
    layer = Layer()
    assert words in refusal_of(layer, **options)
    assert layer.sent == []

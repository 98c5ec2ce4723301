"""What Channels' documentation leads to: one consumer for each stream, in a group, over the layer. No authentication."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings

REDIS = os.environ.get("BENCH_LAYER", "")
LAYER: dict[str, Any] = {"BACKEND": REDIS or "channels.layers.InMemoryChannelLayer"}
if REDIS:
    LAYER["CONFIG"] = {"hosts": [os.environ["REDIS_URL"]]}
settings.configure(SECRET_KEY="bench", CHANNEL_LAYERS={"default": LAYER})

import django  # noqa: E402

django.setup()

from channels.generic.http import AsyncHttpConsumer  # noqa: E402 - needs the settings
from channels.layers import get_channel_layer  # noqa: E402
from channels.routing import URLRouter  # noqa: E402
from django.urls import path  # noqa: E402


class Subscribe(AsyncHttpConsumer):
    """A stream."""

    async def handle(self, body: bytes) -> None:
        """Join the group and say so; what follows comes through `event`."""
        group = parse_qs(self.scope["query_string"].decode())["id"][0]
        await self.channel_layer.group_add(f"bench{group}", self.channel_name)
        await self.send_headers(headers=[(b"Content-Type", b"text/event-stream"), (b"Cache-Control", b"no-cache")])
        await self.send_body(b": hi\n\n", more_body=True)

    async def http_request(self, message: dict[str, Any]) -> None:
        """Stay open after `handle`, which the parent would not."""
        await self.handle(message.get("body", b""))

    async def event(self, message: dict[str, Any]) -> None:
        """Write one event."""
        await self.send_body(f"data: {message['data']}\n\n".encode(), more_body=True)


class Publish(AsyncHttpConsumer):
    """A request that sends its body to a group."""

    async def handle(self, body: bytes) -> None:
        """Send and answer."""
        group = parse_qs(self.scope["query_string"].decode())["id"][0]
        await get_channel_layer().group_send(f"bench{group}", {"type": "event", "data": body.decode()})
        await self.send_response(200, b"")


application = URLRouter([path("sub", Subscribe.as_asgi()), path("pub", Publish.as_asgi())])

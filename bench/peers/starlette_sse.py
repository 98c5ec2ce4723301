"""sse-starlette, with a queue for each stream, as in its examples."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator

from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

channels: dict[str, set[asyncio.Queue[str]]] = defaultdict(set)


async def subscribe(request: Request) -> EventSourceResponse:
    """Stream what is published to a channel."""

    async def events(channel: set[asyncio.Queue[str]]) -> AsyncIterator[dict[str, str]]:
        queue: asyncio.Queue[str] = asyncio.Queue()
        channel.add(queue)
        try:
            yield {"comment": "hi"}
            while True:
                yield {"data": await queue.get()}
        finally:
            channel.discard(queue)

    return EventSourceResponse(events(channels[request.query_params["id"]]))


async def publish(request: Request) -> Response:
    """Send the body to a channel."""
    data = (await request.body()).decode()
    for queue in channels[request.query_params["id"]]:
        queue.put_nowait(data)
    return Response()


application = Starlette(routes=[Route("/sub", subscribe), Route("/pub", publish, methods=["POST"])])

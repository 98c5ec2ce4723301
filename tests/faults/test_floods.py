"""Clients who send over WebSocket more than is asked for: the server reads on only as fast as it answers."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from typing import Final, cast

import pytest

from tests.support.memory import memory_of
from tests.support.servers import Person, Site
from tests.support.socket_client import PATH, follow_socket
from tests.support.visit import Visit

FLOOD_BYTES: Final = 30_000_000  # before there were bounds, this took 30 to 300 MB
HEAP_BYTES: Final = 8 * 1024 * 1024  # what a process grows by whatever it does
STUCK_SECONDS: Final = 2.0  # so long takes nothing: the other side reads no more


def frame(opcode: int, data: bytes, *, is_last: bool = True) -> bytes:
    """Return a frame as a client writes it (https://www.rfc-editor.org/rfc/rfc6455#section-5.2), with a mask of zeros."""
    size = len(data)
    length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 127]) + size.to_bytes(8, "big")
    return bytes([is_last << 7 | opcode]) + length + bytes(4) + data


FLOODS: Final = {
    "orders": frame(1, b'{"do":"ping"}') * 1000,
    "pings": frame(9, bytes(125)) * 200,
    "a message without end": frame(0, bytes(500_000), is_last=False),
}


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
@pytest.mark.parametrize("flood", FLOODS)
async def test_who_sends_too_much_is_not_kept(site: Site, user: Person, other: Person, kind: str, flood: str) -> None:
    """30 MB of orders, of pings or of one message, whose answers nobody reads, cost no memory and nobody else."""
    server = await asyncio.to_thread(getattr(site, kind))
    async with Visit(server.url) as visit:
        await visit.login(user)
        cookie = visit.cookie
    async with follow_socket(server, user), follow_socket(server, other) as client, AsyncExitStack() as stack:
        before = memory_of(server)  # what grows once has grown
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        line = cast(asyncio.Transport, writer.transport)
        stack.callback(line.abort)
        request = (
            f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\nConnection: Upgrade\r\n"
            f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {'A' * 22}==\r\n\r\n"
        )
        writer.write(request.encode())
        assert b"101 Switching Protocols" in await reader.readuntil(b"\r\n\r\n")
        line.pause_reading()
        if flood == "a message without end":
            writer.write(frame(1, b"{", is_last=False))
        with suppress(ConnectionError, TimeoutError):  # dropped, or read no further
            for _ in range(FLOOD_BYTES // len(FLOODS[flood])):
                writer.write(FLOODS[flood])
                await asyncio.wait_for(writer.drain(), STUCK_SECONDS)
        grown = memory_of(server) - before
        assert grown < HEAP_BYTES, f"{grown:,}"
        await site.acall("notify(user, title='Nobody waits').pk", user=other.pk)
        await client.knows("Nobody waits")

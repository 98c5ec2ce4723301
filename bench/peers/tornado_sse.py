"""Tornado: the handlers of a channel are kept in a set and written to directly.

python -m bench.peers.tornado_sse <port>
"""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict

from tornado.iostream import StreamClosedError
from tornado.web import Application, RequestHandler

channels: dict[str, set[Subscribe]] = defaultdict(set)


class Subscribe(RequestHandler):
    """A stream."""

    async def get(self) -> None:
        """Stream what is published to a channel until the client goes."""
        self.set_header("Content-Type", "text/event-stream")
        self.write(b": hi\n\n")
        await self.flush()
        self.gone = asyncio.Event()
        channel = channels[self.get_argument("id")]
        channel.add(self)
        await self.gone.wait()
        channel.discard(self)

    def on_connection_close(self) -> None:
        """Let `get` end."""
        self.gone.set()


class Publish(RequestHandler):
    """A request that sends its body to a channel."""

    async def post(self) -> None:
        """Encode once and write to each stream."""
        frame = b"data: " + self.request.body + b"\n\n"
        for stream in channels[self.get_argument("id")]:
            stream.write(frame)
            try:
                stream.flush()
            except StreamClosedError:
                stream.gone.set()


async def main() -> None:
    """Serve until killed."""
    Application([("/sub", Subscribe), ("/pub", Publish)]).listen(int(sys.argv[1]), "127.0.0.1", backlog=2048)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())

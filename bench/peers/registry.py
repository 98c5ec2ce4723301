"""Who is measured beside us, and how each is started, listened to and sent through."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import servers
from bench.client import stream_request
from bench.servers import PEERS_PYTHON, Server

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Peer:
    """Another way to send events to browsers. `ready` is what it writes to a stream that is open."""

    name: str
    command: tuple[str, ...]  # with @PORT@ and @FOLDER@
    ready: bytes = b": hi"
    parameter: str = "id"  # of the address, naming the channel
    path: str = "/sub"
    has_redis: bool = False
    layer: str = ""

    def request(self, channel: str, port: int) -> bytes:
        """Return the request that listens to a channel."""
        return stream_request(f"{self.path}?{self.parameter}={channel}", port=port)


def asgi(server: str, module: str) -> tuple[str, ...]:
    """Return the command for an ASGI peer."""
    return tuple(servers.asgi_command(server, f"bench.peers.{module}:application", 0, is_peer=True))


PYTHON = str(PEERS_PYTHON)
PUB_SUB, CORE = "channels_redis.pubsub.RedisPubSubChannelLayer", "channels_redis.core.RedisChannelLayer"
CONSUMER = asgi("daphne", "channels_consumer")
GUNICORN = ("-k", "gevent", "--worker-connections", "19000", "--backlog", "2048", "-t", "0", "-b", "127.0.0.1:@PORT@")
EVENTSTREAM: dict[str, Any] = {"parameter": "channel", "ready": b"stream-open"}

PEERS = {
    peer.name: peer
    for peer in (
        Peer("nchan", ("nginx", "-p", "@FOLDER@", "-c", "@FOLDER@/nchan.conf")),
        Peer("bare send()", (sys.executable, str(HERE / "bare_send.py"), "@PORT@")),
        Peer("tornado", (PYTHON, "-m", "bench.peers.tornado_sse", "@PORT@")),
        Peer("sse-starlette, uvicorn", asgi("uvicorn-fast", "starlette_sse")),
        Peer("django-eventstream, uvicorn", asgi("uvicorn-fast", "eventstream"), **EVENTSTREAM),
        Peer("django-eventstream, daphne", asgi("daphne", "eventstream"), **EVENTSTREAM),
        Peer("channels consumer, daphne", CONSUMER),
        Peer(
            "channels consumer, daphne, pub/sub",
            CONSUMER,
            has_redis=True,
            layer=PUB_SUB,
        ),
        Peer(
            "channels consumer, daphne, Redis",
            CONSUMER,
            has_redis=True,
            layer=CORE,
        ),
        Peer(
            "Flask-SSE, gunicorn",
            (PYTHON, "-m", "gunicorn", *GUNICORN, "bench.peers.flask_sse:application"),
            has_redis=True,
        ),
    )
}


@contextmanager
def started(peer: Peer, folder: Path) -> Iterator[Server]:
    """Run a peer, with a Redis where it needs one."""
    port = servers.free_port()
    values = {"@PORT@": str(port), "@FOLDER@": str(folder), "tcp:port=0:": f"tcp:port={port}:"}
    config = filled((HERE / "nchan.conf").read_text(), values)
    (folder / "nchan.conf").write_text(config)
    with ExitStack() as stack:
        env = {"PYTHONPATH": str(servers.ROOT), "BENCH_LAYER": peer.layer, "PYTHONWARNINGS": "ignore"}
        if peer.has_redis:
            env["REDIS_URL"] = stack.enter_context(servers.redis(folder))
        command = [filled(word, values) for word in peer.command]
        if "--port" in command:
            command[command.index("--port") + 1] = str(port)
        name = peer.name.split(",")[0].replace(" ", "-")
        yield stack.enter_context(servers.running(name, command, port=port, folder=folder, env=env))


def filled(text: str, values: dict[str, str]) -> str:
    """Return the text with the values in it."""
    for name, value in values.items():
        text = text.replace(name, value)
    return text

"""One client for every server measured: thousands of event streams in one process, on one epoll loop.

It parses as little as it can, so that the client's core is never what limits a server: an event is found by the mark
in its text, `~<number>~`. Every mark is counted for each stream, so an event that was lost, doubled or swapped shows.
"""

from __future__ import annotations

import errno
import re
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable

MARK = re.compile(rb"~(\d+)~")
READ_BYTES = 256 * 1024
STREAMS_PER_ADDRESS = 20_000  # below the ephemeral ports that one source address has


class Stream:
    """One connection: what it asks, and what came."""

    __slots__ = ("ended_at", "fd", "is_ready", "marks", "opened_at", "ready_at", "request", "sock", "status", "tail")

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.sock: socket.socket | None = None
        self.fd = -1
        self.tail = b""
        self.status = b""
        self.is_ready = False
        self.opened_at = self.ready_at = self.ended_at = 0.0
        self.marks: list[int] = []


class Client:
    """Many streams to one server, all driven by `run()`.

    Args:
        port: of the server, on 127.0.0.1.
        ready: the bytes after which a stream counts as live.
        window: how many may be connecting at once.
    """

    def __init__(self, port: int, *, ready: bytes = b"event: hello", window: int = 50) -> None:
        self.port = port
        self.ready = ready
        self.window = window
        self.streams: list[Stream] = []
        self.arrivals: list[tuple[int, float]] = []  # (number of the event, when it came)
        self.ready_count = 0
        self.ended_count = 0
        self.refusals: set[bytes] = set()
        self._waiting: deque[Stream] = deque()
        self._connecting = 0
        self._by_fd: dict[int, Stream] = {}
        self._epoll = select.epoll()

    def open(self, requests: Iterable[bytes]) -> list[Stream]:
        """Queue streams to be opened by `run()`."""
        new = [Stream(request) for request in requests]
        self._waiting.extend(new)
        self.streams.extend(new)
        return new

    def open_all(self, requests: Iterable[bytes], *, seconds: float = 60) -> list[Stream]:
        """Open streams and wait until all are live.

        Raises:
            TimeoutError: some are not by then.
        """
        new = self.open(requests)
        wanted = self.ready_count + len(new)
        if not self.run(lambda: self.ready_count >= wanted, seconds=seconds):
            lacking = wanted - self.ready_count
            raise TimeoutError(f"{lacking} of {len(new)} streams are not live after {seconds} s; {self.refusals}")
        return new

    def run(self, until: Callable[[], bool], *, seconds: float) -> bool:
        """Read and connect until something holds or time is up; return whether it holds."""
        end = time.monotonic() + seconds
        while not until():
            left = end - time.monotonic()
            if left <= 0:
                return False
            while self._waiting and self._connecting < self.window:
                self._connect(self._waiting.popleft())
            for fd, events in self._epoll.poll(min(left, 0.02), 1024):
                stream = self._by_fd.get(fd)
                if stream is not None:
                    self._act(stream, events)
        return True

    def close(self, streams: Iterable[Stream] | None = None) -> None:
        """Close some streams, or all and the client itself."""
        for stream in list(self.streams if streams is None else streams):
            self._forget(stream)
        if streams is None:
            self._epoll.close()

    def _connect(self, stream: Stream) -> None:
        sock = socket.socket()
        sock.setblocking(False)
        place = 1 + len(self._by_fd) // STREAMS_PER_ADDRESS
        if place > 1:
            sock.bind((f"127.0.0.{place}", 0))
        stream.sock, stream.fd = sock, sock.fileno()
        stream.opened_at = time.monotonic()
        self._by_fd[stream.fd] = stream
        self._connecting += 1
        problem = sock.connect_ex(("127.0.0.1", self.port))
        if problem not in (0, errno.EINPROGRESS):
            self._lose(stream, b"connect: " + errno.errorcode[problem].encode())
            return
        self._epoll.register(stream.fd, select.EPOLLOUT)

    def _act(self, stream: Stream, events: int) -> None:
        sock = stream.sock
        if sock is None:
            return
        try:
            if events & select.EPOLLOUT:
                sock.send(stream.request)  # a request is far smaller than an empty socket buffer
                self._epoll.modify(stream.fd, select.EPOLLIN)
            else:
                self._read(stream, sock.recv(READ_BYTES))
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(stream, (error.strerror or "error").encode())

    def _read(self, stream: Stream, data: bytes) -> None:
        now = time.monotonic()
        if not data:
            self._lose(stream, b"closed")
            return
        if stream.tail:
            data = stream.tail + data
        if not stream.is_ready:
            stream.status = stream.status or data[:12]
            if self.ready not in data:
                stream.tail = data
                return
            if not stream.status.endswith(b" 200"):
                self._lose(stream, stream.status)
                return
            stream.is_ready, stream.ready_at = True, now
            self.ready_count += 1
            self._connecting -= 1
        cut = data.rfind(b"\n") + 1  # a mark never spans two lines
        stream.tail = data[cut:]
        for text in MARK.findall(data, 0, cut):
            number = int(text)
            stream.marks.append(number)
            self.arrivals.append((number, now))

    def _lose(self, stream: Stream, why: bytes) -> None:
        if not stream.is_ready:
            self._connecting -= 1
        self.refusals.add(why)
        self.ended_count += 1
        self._forget(stream)

    def _forget(self, stream: Stream) -> None:
        if stream.sock is not None:
            stream.ended_at = time.monotonic()
            del self._by_fd[stream.fd]
            stream.sock.close()
            stream.sock = None


def stream_request(path: str, *, port: int, cookie: str = "") -> bytes:
    """Return the request that a browser's EventSource would send, without the decoration."""
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Accept: text/event-stream", "Cache-Control: no-cache"]
    if cookie:
        lines.append(f"Cookie: {cookie}")
    return "\r\n".join([*lines, "", ""]).encode()

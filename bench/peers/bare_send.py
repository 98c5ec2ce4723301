"""The floor: a loop that sends one event to each of its streams by `send()`, without a framework, a parser or a channel.

python bench/peers/bare_send.py <port>
"""

from __future__ import annotations

import select
import socket
import sys

HELLO = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hi\n\n"
DONE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
READ_BYTES = 65_536


def main() -> None:
    """Serve until killed: a GET is a stream, a POST is sent to all of them."""
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=2048)
    epoll = select.epoll()
    epoll.register(listener, select.EPOLLIN)
    everybody: dict[int, socket.socket] = {}
    streams: set[int] = set()
    while True:
        for fd, _events in epoll.poll():
            if fd == listener.fileno():
                one, _address = listener.accept()
                everybody[one.fileno()] = one
                epoll.register(one, select.EPOLLIN)
            elif not (data := everybody[fd].recv(READ_BYTES)):
                epoll.unregister(fd)
                streams.discard(fd)
                everybody.pop(fd).close()
            elif data.startswith(b"GET"):
                streams.add(fd)
                everybody[fd].send(HELLO)
            else:
                publish(everybody[fd], data, [everybody[each] for each in streams])


def publish(sender: socket.socket, data: bytes, streams: list[socket.socket]) -> None:
    """Read the rest of a request to publish, send its body to each stream, and answer."""
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))[15:])
    while len(body) < length:
        body += sender.recv(READ_BYTES)
    frame = b"data: " + body + b"\n\n"
    for stream in streams:
        stream.send(frame)
    sender.send(DONE)


if __name__ == "__main__":
    main()

r"""Publish committed changes to a GRIP proxy, each with its id and the id before.

Receives what rings (`log/doorbell.py`), the sessions that end, and the users who were changed (`signals.py`). Delivery
is at most once, and nothing depends on it but latency: the proxy notices by the ids that one is missing, and asks our
log (`integrations/pushpin/handler.py`). Nothing here blocks or raises: items wait in a bounded queue, and a thread of
its own sends them. It needs the extra `[edge]`.

    POST http://127.0.0.1:5561/publish/
    {"items": [{"channel": "notifications-user-7", "id": "81985529216486.42", "prev-id": "81985529216486.41",
                "formats": {"http-stream": {"content": "event: change\nid: 81985529216486.42\ndata: {…}\n\n"}}}]}

Its own Python library is not used: its queue has no bound, and its threads start with its first use.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import threading
from collections import deque
from collections.abc import Iterable
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final
from urllib.parse import urlsplit

from ...conf import settings
from ...log.doorbell import Change
from ...log.keys import UserKey
from ...protocol import frames
from ...protocol.bye import Bye
from .. import pushpin

__all__ = ["Publisher", "ask_again", "end_session", "publish", "publisher"]

logger = logging.getLogger("notifications.integrations.pushpin")

Item = dict[str, Any]
HINT: Final = {"action": "hint"}
MAX_ITEMS: Final = 100
MAX_BYTES: Final = 500_000  # of JSON; half of what Pushpin takes in one request
FLUSH_SECONDS: Final = 1.0  # longest wait at the exit of a process (a command, a worker) for its last items


def publish(changes: Iterable[Change]) -> None:
    """Tell the proxy of committed changes, if there is one; public topics are not its business."""
    if settings.grip_url:
        publisher.put(build_change_item(change) for change in changes if change.user is not None)


def end_session(session_key: str) -> None:
    """Have the proxy end the connections of a session, if there is one."""
    if settings.grip_url:
        goodbye = {"content": frames.bye(Bye.AUTH).decode()}
        actions = (goodbye, {"action": "close"})
        channels = pushpin.name_session_channels(session_key)
        publisher.put(build_item(channel, each) for channel in channels for each in actions)


def ask_again(user_id: UserKey) -> None:
    """Have the proxy ask about a user's connections at once, if there is one: somebody changed who that is."""
    if settings.grip_url:
        publisher.put([build_item(pushpin.name_channel(user_id), HINT)])


def build_change_item(change: Change) -> Item:
    """Return what is published for a change; for one without content a hint, by which the proxy asks at once.

    A hint carries no id: the proxy would count it as passed on.
    """
    channel = pushpin.name_channel(change.user)
    if change.data is None:
        return build_item(channel, HINT)
    frame = frames.change(change.epoch, change.modseq, change.data).decode()
    ids = {"id": f"{change.epoch}.{change.modseq}", "prev-id": f"{change.epoch}.{change.prev}"}
    return build_item(channel, {"content": frame}, **ids)


def build_item(channel: str, content: dict[str, str], **ids: str) -> Item:
    return {"channel": channel, **ids, "formats": {"http-stream": content}}


def encode_item(item: Item) -> bytes:
    """Return an item as JSON, one that is too long for a request as a hint."""
    text = json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()
    return text if len(text) <= MAX_BYTES else encode_item(build_item(item["channel"], HINT))


class Publisher:
    """Sends items in the order of their coming, from whichever thread they come."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything, as in a process that has just begun."""
        self.sent = self.dropped = 0
        self._waiting: deque[Item] = deque()
        self._wakeup = threading.Condition()
        self._is_sending = False
        self._is_failing = False
        self._thread: threading.Thread | None = None
        self._connection: HTTPConnection | None = None
        self._address = ""

    def put(self, items: Iterable[Item]) -> None:
        """Queue items; what is more than NOTIFICATIONS_DOORBELL_BACKLOG is dropped."""
        with self._wakeup:
            for item in items:
                if len(self._waiting) >= settings.doorbell_backlog:
                    self.dropped += 1
                else:
                    self._waiting.append(item)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="notifications-edge", daemon=True)
                self._thread.start()
            self._wakeup.notify_all()

    def flush(self, seconds: float = FLUSH_SECONDS) -> bool:
        """Wait until everything was sent or given up, at most this long; return whether it was."""
        with self._wakeup:
            return self._wakeup.wait_for(lambda: not (self._waiting or self._is_sending), seconds)

    def _run(self) -> None:
        while True:
            with self._wakeup:
                self._wakeup.wait_for(lambda: self._waiting)
                batch = self._take()
                self._is_sending = True
            try:
                self._send(batch)
            except Exception as error:  # whatever a network raises: the write stands, and the proxy will ask
                self._fail(len(batch), error)
            with self._wakeup:
                self._is_sending = False
                self._wakeup.notify_all()

    def _take(self) -> list[bytes]:
        batch: list[bytes] = []
        size = 0
        while self._waiting and len(batch) < MAX_ITEMS:
            text = encode_item(self._waiting[0])
            size += len(text)
            if batch and size > MAX_BYTES:
                break
            self._waiting.popleft()
            batch.append(text)
        return batch

    def _send(self, batch: list[bytes]) -> None:
        from .signatures import sign_web_token  # needs the extra [edge], which only a site with an edge installs

        proxy = pushpin.get_edge()
        if proxy is None:
            return
        body = b'{"items":[' + b",".join(batch) + b"]}"
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {sign_web_token(proxy)}"}
        try:
            self._post(proxy.address, body, headers)
        except (HTTPException, OSError):  # a line that the proxy has closed meanwhile, as when it was restarted
            self._post(proxy.address, body, headers)
        self.sent += len(batch)
        if self._is_failing:
            logger.info("The edge takes changes again.")
        self._is_failing = False

    def _post(self, address: str, body: bytes, headers: dict[str, str]) -> None:
        """Send one request, on the line that is open already if it leads there. Raises for an answer that is no success."""
        try:
            if self._connection is None or self._address != address:
                self._hang_up()
                self._connection, self._address = open_connection(address), address
            self._connection.request("POST", f"{urlsplit(address).path}/publish/", body, headers)
            response = self._connection.getresponse()
            response.read()
        except BaseException:
            self._hang_up()
            raise
        if response.status >= 400:
            raise HTTPException(f"{address}/publish/ answered {response.status}")

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _fail(self, count: int, error: Exception) -> None:
        self.dropped += count
        if not self._is_failing:  # one line for an outage, not one for each write
            text = "The edge did not take %d changes (%s: %s); it asks for them within %g s."
            logger.warning(text, count, type(error).__name__, error, settings.grip_link_seconds)
        self._is_failing = True


def open_connection(address: str) -> HTTPConnection:
    """Return a connection to an address, which opens with the first request."""
    parts = urlsplit(address)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=settings.doorbell_timeout_seconds)


publisher = Publisher()
atexit.register(publisher.flush)
os.register_at_fork(after_in_child=publisher.reset)  # a forked worker has none of its parent's threads

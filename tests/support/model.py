"""What a client is, in forty lines that share nothing with the script: the oracle for everything a stream promises."""

from __future__ import annotations

from typing import Any

from notifications.log.replay import inbox_of
from notifications.models import Notification
from notifications.protocol.payloads import payload

from .asgi import Site
from .browser import Browser, Event

__all__ = ["Client", "follow", "in_database"]

State = tuple[str, int, int, dict[int, Any]]  # position, unread, unseen, items that are not archived


class Client:
    """Applies frames as the protocol says: a change only where `prev <= mine < modseq`.

    It fails on a gap, on a change offered twice and on a position that goes backwards within its epoch.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self.modseq = 0
        self.unread = 0
        self.unseen = 0
        self.items: dict[int, Any] = {}
        self.applied: list[int] = []

    @property
    def position(self) -> str | None:
        return f"{self.epoch}.{self.modseq}" if self.epoch else None

    @property
    def state(self) -> State:
        return f"{self.epoch}.{self.modseq}", self.unread, self.unseen, self.items

    def apply(self, event: Event) -> None:
        data = event.data
        if event.name == "reset":
            self.items = {item["id"]: item for item in data["snapshot"]["items"]}
            self.epoch, self.modseq = data["epoch"], data["modseq"]
            self.unread, self.unseen = data["snapshot"]["unread"], data["snapshot"]["unseen"]
        elif event.name == "change":
            assert data["prev"] <= self.modseq, f"a gap: at {self.modseq}, offered {data['prev']} → {data['modseq']}"
            assert self.modseq < data["modseq"], f"twice: at {self.modseq}, offered {data['modseq']}"
            self._change(data)
        elif event.name == "hello" and data["mode"] == "resume":
            assert event.id == self.position
        if event.name in ("change", "reset"):
            assert event.id == self.position

    def _change(self, data: dict[str, Any]) -> None:
        for item in data["upsert"]:
            self.items[item["id"]] = item
            if item["archived_at"] is not None:
                del self.items[item["id"]]
        for gone in data["gone"]:
            self.items.pop(gone, None)
        for item in self.items.values():
            if item["modseq"] <= data.get("read_upto", 0) and item["read_at"] is None:
                item |= {"read_at": data["read_at"], "modseq": data["modseq"]}
        self.modseq, self.unread, self.unseen = data["modseq"], data["unread"], data["unseen"]
        self.applied.append(data["modseq"])

    async def follow_to(self, browser: Browser, position: str) -> None:
        """Apply what comes until the client stands at a position."""
        while self.position != position or not browser.events:
            self.apply(await browser.next())
        self.drain(browser)

    def drain(self, browser: Browser) -> None:
        """Apply what has already come."""
        while browser.unseen_events:
            self.apply(browser.pop())


async def follow(site: Site, user: Any) -> tuple[Browser, Client]:
    """Open a stream that knows nothing, and take its beginning in."""
    browser, client = await site.open(user), Client()
    client.apply(await browser.next("hello"))
    client.apply(await browser.next("reset"))
    return browser, client


def in_database(user: Any) -> State:
    """Return what a client of this user must hold."""
    inbox = inbox_of(user)
    rows = Notification.objects.for_user(user).active()
    return inbox.position, inbox.unread, inbox.unseen, {row.pk: payload(row) for row in rows}

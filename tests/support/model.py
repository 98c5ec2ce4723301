"""A client of the streams of this process, which fails at the first frame that breaks a promise of docs/protocol.md."""

from __future__ import annotations

from typing import Any

from notifications.log.replay import inbox_of
from notifications.models import Notification
from notifications.protocol.payloads import build_payload

from .asgi import Site
from .browser import Browser, Event
from .replica import Replica

__all__ = ["Client", "follow", "in_database"]

State = tuple[str, int, int, dict[int, Any]]  # position, unread, unseen, items that are not archived


class Client(Replica):
    """A replica that nothing is offered twice and nothing is missing from; it fails where the server broke a promise."""

    def __init__(self) -> None:
        super().__init__()
        self.applied: list[int] = []

    @property
    def since(self) -> str | None:
        """What a page that stands here asks for."""
        return self.position if self.epoch else None

    @property
    def state(self) -> State:
        active = {pk: item for pk, item in self.items.items() if item["archived_at"] is None}
        return self.position, self.unread, self.unseen, active

    def apply(self, event: Event) -> None:
        became = self.take(event.name, event.id or "", event.data)
        assert not self.problems, self.problems
        assert became != "known", f"twice: at {self.modseq}, offered {event.data['modseq']}"
        if event.name == "change":
            self.applied.append(self.modseq)

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
    return inbox.position, inbox.unread, inbox.unseen, {row.pk: build_payload(row) for row in rows}

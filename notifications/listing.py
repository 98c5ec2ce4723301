"""Step 7c: one page of a list, narrowed by what a reader looks for. Flat, however many rows there are.

Each state has a partial index in the order of the list. A filter that few rows meet would make a database walk all of
it, so a request looks at `SCAN_ROWS` at most and says where the next one goes on: a page may hold few rows, or none, and
still not be the last.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

from django.db.models import Q

from .models import Notification
from .querysets import NotificationQuerySet

__all__ = ["SCAN_ROWS", "State", "categories_of", "page_of", "rows_in"]

SCAN_ROWS: Final = 5000  # rows that a search looks at: some 20 ms
CATEGORY_ROWS: Final = 500  # the latest rows, whose categories are offered as filters: some 2 ms

State = Literal["all", "unread", "read", "archived"]


class Found(NamedTuple):
    """A page, and the id below which the next one starts; None at the end."""

    items: list[Notification]
    next: int | None


def rows_in(user: Any, state: State) -> NotificationQuerySet:
    """Return what a state lists, newest first: `all` is everything that is not archived."""
    rows = Notification.objects.for_user(user).order_by("-pk")
    if state == "unread":
        return rows.unread()
    if state == "read":
        return rows.read()
    return rows.archived() if state == "archived" else rows.active()


def page_of(user: Any, state: State, *, before: int, limit: int, q: str = "", **fields: str | None) -> Found:
    """Return one page. 1 query; 2 where something narrows the list.

    Args:
        before: list only ids below this.
        q: text to find in title, body or actor.
        fields: values of other fields; empty ones do not narrow.
    """
    narrowing = Q(**{name: value for name, value in fields.items() if value})
    if q:
        narrowing &= Q(title__icontains=q) | Q(body__icontains=q) | Q(actor__icontains=q)
    rows = rows_in(user, state).filter(pk__lt=before)
    last = None
    if narrowing or state == "read":  # the index of `all` serves `read` too, so what is unread has to be passed over
        walked = (rows if state != "read" else rows_in(user, "all").filter(pk__lt=before)).values_list("pk", flat=True)
        last = next(iter(walked[SCAN_ROWS - 1 : SCAN_ROWS]), None)
        if last is not None:
            rows = rows.filter(pk__gte=last)
    found = list(rows.filter(narrowing)[: limit + 1])
    if len(found) > limit:
        return Found(found[:limit], found[limit - 1].pk)
    return Found(found, last)


def categories_of(user: Any, chosen: str = "") -> list[str]:
    """Return the categories among the latest of a user's notifications, and the chosen one, in order. 1 query."""
    latest = Notification.objects.for_user(user).order_by("-pk").values_list("category", flat=True)[:CATEGORY_ROWS]
    return sorted({*latest, chosen} - {""})

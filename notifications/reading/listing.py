"""One page of a list, narrowed by what a reader looks for. Flat, however many rows there are.

Each state has a partial index in the order of the list. A filter that few rows meet would make a database walk all of
it, so a request looks at `SCAN_ROWS` at most and says where the next one goes on: a page may hold few rows, or none, and
still not be the last.

# Note [Looking for text]

No database looks for text within a bound: LIKE compares a pattern such as `abab…` anew at every place of a text such as
`abab…`. So it is done here, by a literal regular expression, for which Python keeps a table of the pattern's own
repetitions (Knuth, Morris and Pratt): each character is looked at once or twice for each word, whatever was typed. The
longest word is looked for first, and where it is not the others are not. A request ends after `SCAN_CHARS` characters; those
that were looked at for several words count as often. Upper and lower case are alike in every language and on every database.

# Note [A page is one state]

Whoever shows a page says with it from where a stream goes on. Position, counters and rows come from one SQL statement
(Note [One state] in `log/consistent_reads.py`), so a page is never ahead of its position, nor behind it. What narrows a
list by a bound asks for the bound first: above it nothing is left out, whatever was committed since.

A search for text is the exception, for it takes several statements. There the position is read before the first of them,
and its rows may be those of a later one, of which the stream tells again. That does no harm: a frame with rows brings each
as it was after that change, and a frame that marks as read leaves alone what changed since. The other way round a change
could fall in between, and be neither shown nor told.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final, Literal, NamedTuple

from django.conf import settings as django_settings
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone
from django.utils.translation import gettext as _

from ..log.consistent_reads import HEAD_FIELDS, read_page
from ..log.keys import SavedUser, UserOrKey
from ..log.queryset import NotificationQuerySet
from ..log.replay import database, inbox_of
from ..models import Inbox, Notification
from .search import SEAM, SEARCHED, Search, parse_search

__all__ = [
    "MAX_QUERY_CHARS",
    "SCAN_ROWS",
    "FoundPage",
    "ListedState",
    "count_rows",
    "describe_search_problem",
    "find_categories",
    "find_notification",
    "find_older",
    "find_page",
    "list_rows",
    "newest_of",
    "read_shown_inbox",
]

MAX_QUERY_CHARS: Final = 200  # of a text to look for
SCAN_ROWS: Final = 5000  # rows that a request looks at: some 20 ms
SCAN_CHARS: Final = (
    2_000_000  # characters that a search looks at: 500 of the longest texts, and of usual ones more than rows
)
CHUNK_ROWS: Final = 500  # read at once: at most some 2 MB
COUNTED_ROWS: Final = 100_000  # that a request counts, by an index: some 20 ms
CATEGORY_ROWS: Final = 500  # the latest rows, whose categories are offered as filters: some 2 ms

ListedState = Literal["all", "unread", "read", "archived"]
NAMED_STATES: Final[dict[str, ListedState]] = {"unread": "unread", "read": "read", "archived": "archived"}


class FoundPage(NamedTuple):
    """A page, the inbox where it stands, and the id below which the next page starts; None at the end.

    `looked` is how many rows were looked at where that is why the page ends here, else None.
    """

    inbox: Inbox
    items: list[Notification]
    next: int | None
    looked: int | None = None


def read_shown_inbox(user: SavedUser) -> Inbox:
    """Return a user's inbox as a page shows it, with what `newest_of()` asks for. 1 query, as `inbox_of()`."""
    return build_inbox_query(user).first() or inbox_of(user)


def build_inbox_query(user: SavedUser) -> QuerySet[Inbox]:
    """Return the query for a user's inbox, with the highest id that it holds."""

    def newest(rows: NotificationQuerySet) -> Coalesce:
        rows = rows.using(database()).for_user(OuterRef("pk")).order_by("-pk")
        return Coalesce(Subquery(rows.values("pk")[:1]), 0)

    # each by its own partial index
    active, archived = newest(Notification.objects.active()), newest(Notification.objects.archived())
    return Inbox.objects.using(database()).annotate(newest=Greatest(active, archived)).filter(pk=user.pk)


def newest_of(inbox: Inbox) -> int:
    """Return the highest id that an inbox held when it was read; 0 where there was none.

    An id above it is new: a user's ids rise with their log, since each is drawn while the inbox is locked.
    """
    return getattr(inbox, "newest", 0)


def list_rows(user: UserOrKey, state: ListedState) -> NotificationQuerySet:
    """Return what a state lists, newest first: `all` is everything that is not archived."""
    rows = Notification.objects.using(database()).for_user(user).order_by("-pk")
    if state == "unread":
        return rows.unread()
    if state == "read":
        return rows.read()
    return rows.archived() if state == "archived" else rows.active()


def find_page(
    user: SavedUser, state: ListedState, *, before: int, limit: int, q: str = "", **fields: str | None
) -> FoundPage:
    """Return one page and where it stands, see Note [A page is one state].

    Queries: 1; 2 where something narrows the list; where text is looked for 3, and 1 for each 500 rows.

    Args:
        before: list only ids below this.
        q: what to look for, see `search.py`; a state that it names goes before `state`.
        fields: values of other fields; empty ones do not narrow.
    """
    search = parse_search(q)
    narrowing = Q(**{name: value for name, value in fields.items() if value}) & build_dates(search)
    if len(search.states) > 1:  # nothing is in two
        return FoundPage(read_shown_inbox(user), [], None)
    state = NAMED_STATES.get(search.state, state)
    rows = list_rows(user, state).filter(pk__lt=before)
    last = None
    looked = SCAN_ROWS
    if (
        narrowing or search.needles or state == "read"
    ):  # the index of `all` serves `read` too, so what is unread has to be passed over
        walked = (rows if state != "read" else list_rows(user, "all").filter(pk__lt=before)).values_list(
            "pk", flat=True
        )
        last = next(iter(walked[SCAN_ROWS - 1 : SCAN_ROWS]), None)
        if last is not None:
            rows = rows.filter(pk__gte=last)
    rows = rows.filter(narrowing)
    inbox = None
    if search.needles:
        inbox = read_shown_inbox(user)
        keys, end, seen = find_text(rows, search, limit + 1)
        rows = rows.filter(pk__in=keys)
        last, looked = (last, looked) if end is None else (end, seen)
        if not keys:
            return FoundPage(inbox, [], last, looked if last is not None else None)
    there, found = read_rows(user, rows[: limit + 1])
    inbox = inbox or there
    if len(found) > limit:
        return FoundPage(inbox, found[:limit], found[limit - 1].pk)
    return FoundPage(inbox, found, last, looked if last is not None else None)


def read_rows(user: SavedUser, rows: NotificationQuerySet) -> tuple[Inbox, list[Notification]]:
    """Return a user's inbox, made at the first call, and rows of the same state. 1 query."""
    using = database()
    state = read_page(using, build_inbox_query(user), rows)
    if state is None:
        inbox_of(user)
        state = read_page(using, build_inbox_query(user), rows)
    if state is None:  # somebody deletes it again and again
        return inbox_of(user), []
    head = [getattr(state.head, name) for name in HEAD_FIELDS]
    inbox = Inbox.from_db(using, ["user_id", *HEAD_FIELDS], [user.pk, *head])
    inbox.newest = state.bound  # type: ignore[attr-defined] # for newest_of()
    return inbox, state.rows


def find_notification(user: SavedUser, pk: int) -> tuple[Inbox, Notification | None]:
    """Return where a user's inbox stands, and one of their notifications of the same state, if there is one. 1 query."""
    mine = Notification.objects.using(database()).for_user(user).filter(pk=pk).order_by("-pk")
    inbox, found = read_rows(user, mine[:1])
    return inbox, found[0] if found else None


def find_older(row: Notification, most: int) -> list[Notification]:
    """Return what its reader was told before about the same subject, newest first, archived or not.

    1 query; none where it is about nothing.
    """
    if not row.topic:
        return []
    rows = Notification.objects.using(database()).for_user(row.recipient_id)
    about = rows.filter(topic=row.topic).exclude(topic="")  # the words of the index on topics
    return list(about.filter(pk__lt=row.pk).order_by("-pk")[:most])


def describe_search_problem(text: str) -> str:
    """Return what somebody who looks for this should know, such as that a date in it is none and narrows nothing."""
    for bad in parse_search(text).bad_dates:
        return _("“%(text)s” is not a date; write it as in before:2026-11-01") % {"text": bad}
    return ""


def build_dates(search: Search) -> Q:
    """Return the condition that a search's dates are, by the days of the current time zone."""
    bounds = {"created_at__gte": search.after, "created_at__lt": search.before}
    return Q(**{name: begin_of(day) for name, day in bounds.items() if day is not None})


def begin_of(day: dt.date) -> dt.datetime:
    """Return the moment at which a day begins, as rows hold times."""
    midnight = dt.datetime.combine(day, dt.time())
    return timezone.make_aware(midnight) if django_settings.USE_TZ else midnight


def find_text(rows: NotificationQuerySet, search: Search, most: int) -> tuple[list[int], int | None, int]:
    """Return the ids of the first rows that hold all texts, the id of the last row looked at, and how many that were.

    The id is None where all were looked at. See Note [Looking for text]. 1 query for each 500 rows.
    """
    rarest = search.needles[0].pattern
    found: list[int] = []
    looked, left = 0, SCAN_CHARS
    chunk: list[Any] = []
    while not looked or len(chunk) == CHUNK_ROWS:
        chunk = list((rows.filter(pk__lt=chunk[-1][0]) if chunk else rows).values_list("pk", *SEARCHED)[:CHUNK_ROWS])
        if not chunk:
            break
        whole = SEAM.join(text for _pk, *texts in chunk for text in texts)
        if len(whole) < left and not rarest.search(whole.casefold()):  # in most chunks: one look for all of their rows
            looked, left = looked + len(chunk), left - len(whole)
            continue
        for pk, *texts in chunk:
            looked += 1
            holds_all, characters = search.look(texts)
            left -= characters
            if holds_all:
                found.append(pk)
            if len(found) == most or left <= 0:
                return found, pk, looked
    return found, None, looked


def count_rows(user: UserOrKey, state: ListedState, *, up_to: int, **fields: str) -> int | None:
    """Return how many rows a list holds that have not changed since `up_to`, a `modseq`; None where very many. 1 query.

    Args:
        fields: values of other fields; empty ones do not narrow.
    """
    narrowing = {name: value for name, value in fields.items() if value}
    rows = list_rows(user, state).filter(modseq__lte=up_to, **narrowing)
    number = rows.order_by()[: COUNTED_ROWS + 1].count()
    return number if number <= COUNTED_ROWS else None


def find_categories(user: UserOrKey, chosen: str = "") -> list[str]:
    """Return the categories among the latest of a user's notifications, and the chosen one, in order. 1 query."""
    rows = Notification.objects.using(database()).for_user(user).order_by("-pk")
    latest = rows.values_list("category", flat=True)[:CATEGORY_ROWS]
    return sorted({*latest, chosen} - {""})

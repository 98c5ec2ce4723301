"""The admin's list at any size: what makes a page of it cost the same at a thousand rows and at a million.

Receives the admin's querysets. Guarantees that no page counts, groups or sorts the table: counting ends at
`MAX_LISTED_ROWS`, categories come from the latest `RECENT_ROWS`, the calendar from the oldest and the newest.

One way for every database: PostgreSQL could estimate the size of the whole table (`reltuples`), but not of a filtered
list, and a number that is exact up to a bound and says so beyond it is the better answer to "how many did I select?".
"""

from __future__ import annotations

import datetime as dt
from calendar import monthrange
from collections.abc import Iterator
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import formats, timezone
from django.utils.functional import cached_property
from django.utils.text import capfirst, smart_split, unescape_string_literal
from django.utils.translation import gettext, gettext_lazy as _

from ..log.queryset import NotificationQuerySet
from ..log.replay import database
from ..models import Notification

__all__ = [
    "MAX_LISTED_ROWS",
    "BoundedChangeList",
    "BoundedPaginator",
    "CategoryFilter",
    "NotificationChangeList",
    "StateFilter",
    "search",
]

# What a list counts and pages through: 100 pages of 100. For an older row, staff search, filter, or pick its day.
MAX_LISTED_ROWS: Final = 10_000
# The latest rows, whose categories the filter offers. The database reads them in some 20 ms and tells only what differs: a
# thousand of one kind hide no other.
RECENT_ROWS: Final = 50_000

FIELD: Final = "created_at"
UNITS: Final = ("year", "month", "day")
Place = tuple[int, ...]  # a year, a month or a day: (2026,), (2026, 11), (2026, 11, 5); () stands for all time


if TYPE_CHECKING:
    RowPaginator = Paginator[Any]
else:
    RowPaginator = Paginator


class BoundedPaginator(RowPaginator):
    """Pages through the first `MAX_LISTED_ROWS` rows, and knows whether there are more."""

    @cached_property
    def count(self) -> int:
        """Return the number of rows, at most `MAX_LISTED_ROWS`."""
        return min(self._counted, MAX_LISTED_ROWS)

    @property
    def has_more(self) -> bool:
        """Return whether rows lie beyond the last page."""
        return self._counted > MAX_LISTED_ROWS

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        counted: int = rows.order_by()[: MAX_LISTED_ROWS + 1].count()
        return counted


def search(rows: QuerySet[Notification], text: str) -> QuerySet[Notification]:
    """Keep rows where each word is in the title or the topic, or in the recipient's username.

    Users are looked up apart: joined to a million rows they cost 1.2 s, as a list of keys nothing that can be measured.
    """
    users = get_user_model()._default_manager
    for word in smart_split(text):
        word = unescape_string_literal(word) if word[0] in "\"'" and word[-1] == word[0] else word
        named = users.filter(**{f"{get_user_model().USERNAME_FIELD}__icontains": word}).values("pk")
        rows = rows.filter(Q(title__icontains=word) | Q(topic__icontains=word) | Q(recipient__in=named))
    return rows


class StateFilter(admin.SimpleListFilter):
    """Unread, read or archived: the three tabs of the centre."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the states."""
        return [("unread", _("Unread")), ("read", _("Read")), ("archived", _("Archived"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what is in the chosen state."""
        if self.value() in ("unread", "read", "archived") and isinstance(queryset, NotificationQuerySet):
            kept: QuerySet[Any] = getattr(queryset, str(self.value()))()
            return kept
        return queryset


class CategoryFilter(admin.SimpleListFilter):
    """The categories in use lately; `?category=` in the address takes any."""

    title = _("category")
    parameter_name = "category"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the categories of the latest rows, and the chosen one. 1 query, by primary key."""
        rows = Notification.objects.using(database())
        last = rows.order_by("-pk").values("pk")[RECENT_ROWS : RECENT_ROWS + 1]
        latest = rows.order_by().filter(pk__gt=Coalesce(Subquery(last), 0))
        recent = set(latest.values_list("category", flat=True).distinct())
        chosen = {self.value()} - {None}
        return [(category, category) for category in sorted(recent | chosen)]  # type: ignore[type-var,misc]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what is of the chosen category."""
        return queryset.filter(category=self.value()) if self.value() else queryset


class BoundedChangeList(ChangeList):
    """A list that gives a number of results only where it was asked for some and has counted them all."""

    def get_results(self, request: HttpRequest) -> None:
        """Read one page."""
        super().get_results(request)
        if self.paginator.has_more or not (self.query or self.filter_params):
            self.full_result_count = self.result_count  # equal numbers are not shown


class NotificationChangeList(BoundedChangeList):
    """The list with a calendar that reads two rows; Django's own groups the whole table by year, month or day."""

    @cached_property
    def periods(self) -> dict[str, Any]:
        """Return what `admin/date_hierarchy.html` shows: periods between the oldest and the newest notification."""
        oldest, newest = self._end(FIELD), self._end(f"-{FIELD}")
        if not oldest:
            return {"show": False}
        chosen = self._chosen() or find_common_period(oldest, newest)
        years = range(oldest[0], newest[0] + 1)
        places = [
            place for place in list_periods(chosen, years) if oldest[: len(place)] <= place <= newest[: len(place)]
        ]
        choices = [{"title": title_of(place), "link": self._link_to(place)} for place in places]
        if len(chosen) == len(UNITS):
            choices = [{"title": title_of(chosen)}]
        back = {"title": title_of(chosen[:-1]), "link": self._link_to(chosen[:-1])} if chosen else None
        return {"show": True, "back": back, "choices": choices}

    def _chosen(self) -> Place:
        """Return the period in the address; what stands there was checked by the list's own filter."""
        values = (self.params.get(f"{FIELD}__{unit}") or "" for unit in UNITS)
        return tuple(int(value) for value in takewhile(bool, values))

    def _end(self, order: str) -> Place:
        """Return the local day of the first row in this order: one look-up in an index."""
        row = (
            self.root_queryset.prefetch_related(None).order_by(order).first()
        )  # the row, for a time alone may be one that cannot be read
        if row is None:
            return ()
        moment = getattr(row, FIELD)
        moment = timezone.localtime(moment) if timezone.is_aware(moment) else moment
        return (moment.year, moment.month, moment.day)

    def _link_to(self, place: Place) -> str:
        params: Any = {f"{FIELD}__{unit}": value for unit, value in zip(UNITS, place, strict=False)}
        return self.get_query_string(params, [f"{FIELD}__"])


def find_common_period(oldest: Place, newest: Place) -> Place:
    """Return the year, or year and month, that holds everything: a choice of one is none."""
    same = takewhile(lambda pair: pair[0] == pair[1], zip(oldest[:2], newest[:2], strict=True))
    return tuple(value for value, _newest in same)


def list_periods(place: Place, years: range) -> Iterator[Place]:
    """Yield these years, the months of a year, or the days of a month."""
    if not place:
        return ((year,) for year in years)
    if len(place) == 1:
        return ((*place, month) for month in range(1, 13))
    return ((*place[:2], day) for day in range(1, monthrange(*place[:2])[1] + 1))


def title_of(place: Place) -> str:
    """Return a period's name in the reader's language."""
    if not place:
        return gettext("All dates")
    if len(place) == 1:
        return str(place[0])
    day_format = "YEAR_MONTH_FORMAT" if len(place) == 2 else "MONTH_DAY_FORMAT"
    return capfirst(formats.date_format(dt.date(*place[:2], *(place[2:] or [1])), day_format))

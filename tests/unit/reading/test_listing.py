"""A page of a list costs the same however long the list is: SQLite's own plan says so."""

from __future__ import annotations

import time
from typing import get_args

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from notifications import notify
from notifications.models import Notification
from notifications.reading import listing
from notifications.reading.listing import ListedState, find_page

pytestmark = pytest.mark.only_on("sqlite")  # the plan is read in its words

INDEX = {
    "all": "livenotif_active",
    "read": "livenotif_active",
    "unread": "livenotif_unread",
    "archived": "livenotif_archived",
}


def plans(queries: CaptureQueriesContext) -> list[str]:
    """Return how SQLite carries out each query."""
    with connection.cursor() as cursor:
        found = []
        for query in queries.captured_queries:
            cursor.execute("EXPLAIN QUERY PLAN " + query["sql"])
            found.append("; ".join(row[3] for row in cursor.fetchall()))
        return found


@pytest.mark.parametrize("state", get_args(ListedState))
@pytest.mark.parametrize("narrowed", [{}, {"q": "x"}, {"category": "c", "level": "info"}])
def test_each_list_walks_its_partial_index(user: User, state: ListedState, narrowed: dict[str, str]) -> None:
    """Rows are found in the order of the list, from the cursor on, and never sorted."""
    notify(user, title="One")
    with CaptureQueriesContext(connection) as queries:
        find_page(user, state, before=10**6, limit=20, **narrowed)
    walks = [plan for plan in plans(queries) if "id<?" in plan or "SCAN" in plan]
    assert len(walks) == 1 + bool(narrowed or state == "read")  # the page, or the rows to look through, and the bound
    assert len(queries) == len(walks) + ("q" in narrowed)  # which reads the position first
    for plan in walks:
        assert f"INDEX {INDEX[state]} (recipient_id=? AND id<?)" in plan
        assert "TEMP B-TREE" not in plan


def test_a_search_ends_by_the_work_it_does(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page ends after so many characters and says so; the next ones go on, and find each row once."""
    monkeypatch.setattr(listing, "SCAN_CHARS", 50_000)
    monkeypatch.setattr(listing, "CHUNK_ROWS", 7)
    notify(user, title="Needle")
    for number in range(30):
        notify(user, title=f"N{number}", body="hay " * 1000)
    pages, before = [], 10**6
    while True:
        found = find_page(user, "all", before=before, limit=5, q="NEEDLE")
        pages.append(found)
        if found.next is None:
            break
        before = found.next
    assert [[row.title for row in page.items] for page in pages] == [[], [], ["Needle"]]
    assert [page.looked for page in pages] == [13, 13, None]


def test_no_text_makes_a_search_slow(user: User) -> None:
    """A search for `abab…` over texts of `abab…` took 4.5 s: every place of every text was compared with all of it."""
    rows = [
        Notification(recipient=user, title="a", body="ab" * 2000, modseq=number + 2, pk=number + 1)
        for number in range(400)
    ]
    QuerySet[Notification](Notification).bulk_create(rows)

    def seconds(text: str) -> float:
        begun = time.process_time()
        find_page(user, "all", before=10**6, limit=20, q=text)
        return time.process_time() - begun

    seconds("warm")
    usual = min(seconds("zebra") for _ in range(3))
    assert min(seconds("ab" * 49 + "aa" + "ab" * 49) for _ in range(3)) < 10 * usual + 0.05


@pytest.mark.parametrize("text", ["ÜBERSICHT", "übersicht", "straße", "STRASSE", "ИТОГ", "*.[a]"])
def test_a_search_knows_upper_and_lower_case_of_every_language(user: User, other_user: User, text: str) -> None:
    """The same on every database; and what means something elsewhere is only text here. The other user has nothing."""
    sent = notify(user, title="Übersicht", body="Straße", actor="Итог *.[A]")
    notify(user, title="Other")
    assert [row.pk for row in find_page(user, "all", before=10**6, limit=20, q=text).items] == [sent.pk]
    assert find_page(user, "archived", before=10**6, limit=20, q=text)[1:] == ([], None, None)
    assert find_page(other_user, "all", before=10**6, limit=20, q=text).items == []


def test_a_topic_has_its_own_index(user: User) -> None:
    """Marking a subject as read looks at that subject's rows only."""
    rows: QuerySet[Notification] = Notification.objects.for_user(user).unread().filter(topic="t").exclude(topic="")
    assert "livenotif_topic" in rows.explain()

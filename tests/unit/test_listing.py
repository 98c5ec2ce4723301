"""A page of a list costs the same however long the list is: SQLite's own plan says so."""

from __future__ import annotations

from typing import get_args

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from notifications.listing import State, page_of
from notifications.models import Notification
from notifications.publish import notify

pytestmark = pytest.mark.skipif(connection.vendor != "sqlite", reason="the plan is read in SQLite's words")

INDEX = {
    "all": "notifications_active",
    "read": "notifications_active",
    "unread": "notifications_unread",
    "archived": "notifications_archived",
}


def plans(queries: CaptureQueriesContext) -> list[str]:
    """Return how SQLite carries out each query."""
    with connection.cursor() as cursor:
        found = []
        for query in queries.captured_queries:
            cursor.execute("EXPLAIN QUERY PLAN " + query["sql"])
            found.append("; ".join(row[3] for row in cursor.fetchall()))
        return found


@pytest.mark.parametrize("state", get_args(State))
@pytest.mark.parametrize("narrowed", [{}, {"q": "x"}, {"category": "c", "level": "info"}])
def test_each_list_walks_its_partial_index(user: User, state: State, narrowed: dict[str, str]) -> None:
    """Rows are found in the order of the list, from the cursor on, and never sorted."""
    notify(user, title="One")
    with CaptureQueriesContext(connection) as queries:
        page_of(user, state, before=10**6, limit=20, **narrowed)
    assert len(queries) == 1 + bool(narrowed or state == "read")
    for plan in plans(queries):
        assert f"INDEX {INDEX[state]} (recipient_id=? AND id<?)" in plan
        assert "TEMP B-TREE" not in plan


def test_a_topic_has_its_own_index(user: User) -> None:
    """Marking a subject as read looks at that subject's rows only."""
    rows: QuerySet[Notification] = Notification.objects.for_user(user).unread().filter(topic="t").exclude(topic="")
    assert "notifications_topic" in rows.explain()

"""Whatever is written in whatever transactions: the log, the counters and every client agree with a model of them."""

from __future__ import annotations

from typing import Final
from unittest.mock import patch

from django.test import override_settings
from hypothesis import HealthCheck, example, given, settings, strategies as st

from notifications.log import replay
from tests.support.ledger import Rung
from tests.unit.log.world import USERS, VERBS, Op, World

user = st.integers(0, USERS - 1)
users = st.lists(user, min_size=1, max_size=4)
picks = st.lists(st.integers(0, 40), max_size=4)  # rows, by their place among those that are there
ops: st.SearchStrategy[Op] = st.one_of(
    st.tuples(st.just("notify"), user),
    st.tuples(st.just("notify_many"), users),
    st.tuples(st.just("bulk_create"), users),
    st.tuples(st.just("flood"), user),
    st.tuples(st.just("save"), st.integers(0, 40), st.booleans()),
    st.tuples(st.just("bulk_update"), picks),
    st.tuples(st.just("update"), picks),
    st.tuples(st.just("mark"), st.sampled_from(sorted(VERBS)), picks),
    st.tuples(st.just("mark_one"), st.sampled_from(sorted(VERBS)), st.integers(0, 40)),
    st.tuples(st.just("delete"), picks),
    st.tuples(st.just("mark_seen"), user),
    st.tuples(st.just("mark_all_read"), user, st.none() | st.integers(0, 8)),
)
nodes = st.recursive(
    ops,
    lambda inner: st.tuples(st.just("savepoint"), st.lists(inner, max_size=4), st.booleans()),
    max_leaves=6,
)
transactions = st.tuples(st.just("transaction"), st.lists(nodes, min_size=1, max_size=5), st.booleans())
programs = st.lists(st.one_of(ops, transactions, transactions), max_size=8)


NESTED: Final = [
    ("notify", 0),
    (
        "transaction",
        [("notify", 0), ("savepoint", [("notify", 1), ("savepoint", [("mark", "mark_read", [0])], False)], True)],
        False,
    ),
    ("transaction", [("savepoint", [("notify", 0)], True), ("notify", 0), ("mark_seen", 0), ("notify", 0)], False),
]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@example(program=NESTED, heard=[True, False], replay_rows=300)
@given(program=programs, heard=st.lists(st.booleans(), max_size=5), replay_rows=st.sampled_from([2, 300]))
def test_clients_end_where_the_database_is(program: list[Op], heard: list[bool], replay_rows: int, rung: Rung) -> None:
    """Any writes on three users, nested and undone at will, leave log, counters, doorbell and clients in agreement."""
    # a snapshot of everything: those of at most 20 rows and 32 KiB leave a client without the older ones, rightly
    whole = patch.object(replay, "take_fitting", iter)
    with whole, override_settings(NOTIFICATIONS_PAGE_SIZE=10_000, NOTIFICATIONS_REPLAY_ROWS=replay_rows):
        world = World(rung, heard)
        world.run(program)
        world.sweep()

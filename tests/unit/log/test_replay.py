"""The tail of the log: what a position is owed, in frames that chain to the head, for many users in few queries."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from pytest_django import DjangoAssertNumQueries, Settings

from notifications import conf, mark_all_read, notify, notify_many
from notifications.log import consistent_reads, replay
from notifications.log.replay import MAX_GROUP_BYTES, inbox_of, make_missing, read_after, read_for, read_heads
from notifications.models import Inbox, Notification
from notifications.operations.repair import renew_epochs
from notifications.protocol.payloads import dumps
from notifications.protocol.position import Head, Position, Replay

pytestmark = pytest.mark.django_db(transaction=True)  # each write is its own change


def position_of(user: User) -> Position:
    """Return the head of a user's log."""
    inbox = inbox_of(user)
    return Position(inbox.epoch, inbox.modseq)


def owed(user: User, position: Position | None) -> Replay:
    """Return what one client of this user is owed."""
    return read_after({user.pk: [position]})[user.pk, position]


def frames_in(replay: Replay) -> list[dict[str, Any]]:
    """Return the frames' data, after checking that they chain and that each says where it ends."""
    frames = [json.loads(data) for _, data in replay.changes]
    assert [frame["modseq"] for frame in frames] == [modseq for modseq, _ in replay.changes]
    assert [frame["prev"] for frame in frames[1:]] == [frame["modseq"] for frame in frames[:-1]]
    assert frames[-1]["modseq"] == replay.head.modseq
    return frames


# --- inboxes and heads


def test_an_inbox_is_made_at_the_first_look(user: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """Then reading it is one query, by instance or by key."""
    made = inbox_of(user)
    with django_assert_num_queries(1):
        assert inbox_of(user.pk).position == made.position
    assert made.epoch > 0


def test_heads_are_one_query(user: User, other_user: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """Each user's own head; who has no inbox is left out."""
    notify(user, title="one")
    with django_assert_num_queries(1):
        found = read_heads([user.pk, other_user.pk, 10**6])
    inbox = inbox_of(user)
    assert found == {user.pk: Head(inbox.epoch, inbox.modseq, inbox.floor, 1, 1)}


# --- replays


def test_the_head_is_owed_nothing(user: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """A client at the head costs one query and gets no frame."""
    position = position_of(user)
    with django_assert_num_queries(1):
        replay = owed(user, position)
    assert (replay.changes, replay.reason, replay.snapshot) == ((), None, None)


def test_a_replay_holds_what_changed_and_nothing_of_others(
    user: User, other_user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """The rows of this user after the position, each in its latest state, with the counters of the head; two queries."""
    notify(user, title="known")
    position = position_of(user)
    first, second = notify(user, title="first"), notify(user, title="second")
    first.mark_read()
    notify(other_user, title="secret")
    with django_assert_num_queries(2):
        replay = owed(user, position)
    (frame,) = frames_in(replay)
    assert frame["prev"] == position.modseq
    assert [(item["id"], item["read_at"] is None) for item in frame["upsert"]] == [(second.pk, True), (first.pk, False)]
    assert (frame["unread"], frame["unseen"], frame["gone"]) == (2, 2, [])
    assert "secret" not in str(replay)


def test_an_archived_row_is_part_of_a_replay(user: User) -> None:
    """A client that shows it must learn that it was archived."""
    row = notify(user, title="done")
    position = position_of(user)
    row.archive()
    (frame,) = frames_in(owed(user, position))
    assert frame["upsert"][0]["archived_at"] is not None
    assert frame["unread"] == 0


def test_a_change_without_rows_still_reaches_the_head(user: User) -> None:
    """Where only counters moved, or a later change took the row along, an empty frame brings the client to the head."""
    notify(user, title="seen")
    position = position_of(user)
    Inbox.objects.filter(pk=user.pk).update(modseq=position.modseq + 3, unseen=0)
    (frame,) = frames_in(owed(user, position))
    assert (frame["upsert"], frame["unread"], frame["unseen"]) == ([], 1, 0)
    assert frame["modseq"] == position.modseq + 3


def test_a_big_replay_is_cut_and_a_transaction_never(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames end after a change; the rows of one transaction stay in one, whatever its size."""
    monkeypatch.setattr(replay, "MAX_FRAME_BYTES", 500)
    position = position_of(user)
    sizes = [1, 1, 5, 1, 2, 1]
    for size in sizes:
        Notification.objects.bulk_create([Notification(recipient=user, title="x" * 100) for _ in range(size)])
    frames = frames_in(owed(user, position))
    assert len(frames) > 2
    of_frame = {item["modseq"]: number for number, frame in enumerate(frames) for item in frame["upsert"]}
    assert len(of_frame) == len(sizes)
    assert sum(len(frame["upsert"]) for frame in frames) == sum(sizes)
    for number, frame in enumerate(frames):
        assert all(frame["prev"] < item["modseq"] <= frame["modseq"] for item in frame["upsert"]), number


def test_rows_that_share_a_modseq_stay_in_one_frame(user: User) -> None:
    """One transaction of several writes is one number and one frame."""
    position = position_of(user)
    with transaction.atomic():
        rows = [notify(user, title=f"number {number}") for number in range(3)]
        rows[0].archive()
    (frame,) = frames_in(owed(user, position))
    assert {item["modseq"] for item in frame["upsert"]} == {position.modseq + 1}
    assert len(frame["upsert"]) == 3


@pytest.mark.not_on("mysql")  # where one statement reads one log
def test_two_positions_of_one_user_are_each_owed_their_own(
    user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """Two tabs at different places are read together and answered apart."""
    positions = []
    for number in range(3):
        positions.append(position_of(user))
        notify(user, title=f"number {number}")
    with django_assert_num_queries(2):
        replays = read_after({user.pk: positions})
    for number, position in enumerate(positions):
        upserts = [item["title"] for frame in frames_in(replays[user.pk, position]) for item in frame["upsert"]]
        assert upserts == [f"number {later}" for later in range(number, 3)]


@pytest.mark.usefixtures("other_user")
def test_a_replay_overtaken_by_mark_all_as_read_tells_what_was_read(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Head and rows are one state: the frame that marks all as read carries no rows, so nobody else would tell them.

    They were two reads, and a row that moved on in between was left to its own frame, which did not have it.
    """
    position = position_of(user)
    row = notify(user, title="unread when the head was read")
    real = replay.read_heads

    def heads_then_write(user_ids: Any) -> Any:
        found = real(user_ids)
        mark_all_read(user)
        return found

    monkeypatch.setattr(replay, "read_heads", heads_then_write)
    (frame,) = frames_in(owed(user, position))
    assert [(item["id"], item["read_at"] is None) for item in frame["upsert"]] == [(row.pk, False)]
    assert (frame["unread"], frame["modseq"]) == (0, position.modseq + 2)


def test_a_reader_far_behind_costs_no_more_than_may_be_sent(user: User, other_user: User, settings: Settings) -> None:
    """Of a log with more news than may be sent no row is read; the other user's come with the same statement."""
    settings.NOTIFICATIONS_REPLAY_ROWS = 5
    far, near = position_of(user), position_of(other_user)
    Notification.objects.bulk_create([Notification(recipient=user, title="many") for _ in range(60)])
    row = notify(other_user, title="one")
    wanted = [(user.pk, far.modseq), (other_user.pk, near.modseq)]
    found = {wanted[state.place][0]: state for state in consistent_reads.read_tails("default", wanted, most=5)}
    assert (found[user.pk].bound, found[user.pk].rows) == (0, [])
    assert found[other_user.pk].rows == [row]
    assert owed(user, far).reason == "behind"


# --- resets


def test_a_reset_has_the_reason_of_what_it_brings(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """A history that was replaced after the head was read is another epoch, whatever the old head would have said.

    Regression: who stood below the old floor was told "purged", with the snapshot of a new epoch.
    """
    before = position_of(user)
    notify(user, title="gone").delete()
    real = replay.read_heads

    def heads_then_renew(user_ids: Any) -> Any:
        found = real(user_ids)
        renew_epochs("default", [user.pk])
        return found

    monkeypatch.setattr(replay, "read_heads", heads_then_renew)
    told = owed(user, before)
    assert (told.reason, told.head.epoch) == ("epoch", position_of(user).epoch)
    assert told.head.epoch != before.epoch


def test_each_break_has_its_reason(user: User, other_user: User) -> None:
    """No position, another epoch, ahead, below the floor: the first that applies is told."""
    before = position_of(user)
    notify(user, title="gone").delete()
    head = position_of(user)
    assert owed(user, None).reason == "none"
    assert owed(user, position_of(other_user)).reason == "epoch"
    assert owed(user, Position(head.epoch, head.modseq + 1)).reason == "ahead"
    assert owed(user, before).reason == "purged"
    assert owed(user, Position(head.epoch, 0)).reason == "purged"
    assert owed(user, Position(head.epoch, head.modseq - 1)).reason == "purged"
    assert owed(user, head).reason is None


def test_three_hundred_rows_are_replayed_and_one_more_is_not(user: User, settings: Settings) -> None:
    """The limit counts rows, not changes."""
    assert conf.settings.replay_rows == 300
    settings.NOTIFICATIONS_REPLAY_ROWS = 5
    position = position_of(user)
    notify_many([user], title="one")
    Notification.objects.bulk_create([Notification(recipient=user, title="four") for _ in range(4)])
    assert sum(len(frame["upsert"]) for frame in frames_in(owed(user, position))) == 5
    mark_all_read(user)
    assert owed(user, position).reason is None
    notify(user, title="six")
    assert owed(user, position).reason == "behind"


def test_a_snapshot_is_the_latest_page_of_what_is_not_archived(
    user: User, other_user: User, settings: Settings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """Newest first, none archived, none of another user, with the counters of the whole inbox; two queries."""
    settings.NOTIFICATIONS_PAGE_SIZE = 2
    for number in range(4):
        notify(user, title=f"number {number}")
    Notification.objects.filter(title="number 3").archive()
    notify(other_user, title="secret")
    with django_assert_num_queries(2):
        replay = owed(user, None)
    assert replay.snapshot is not None
    assert [item["title"] for item in replay.snapshot["items"]] == ["number 2", "number 1"]
    assert (replay.snapshot["unread"], replay.snapshot["unseen"]) == (3, 3)
    assert replay.head.position == position_of(user)


def test_reading_makes_no_inbox_unless_it_is_for_one(user: User, other_user: User) -> None:
    """Who has none is left out where many are read; alone, who exists starts with an empty snapshot."""
    assert read_after({user.pk: [None], 10**6: [None]}) == {}
    assert make_missing([user.pk, 10**6]) == ({user.pk}, set())
    assert list(read_after({user.pk: [None]})) == [(user.pk, None)]
    replay = read_for(other_user, None)
    assert replay is not None
    assert replay.snapshot == {"items": [], "unread": 0, "unseen": 0}
    assert read_for(10**6, None) is None


@pytest.mark.not_on("mysql")  # where one statement reads one log
def test_many_users_are_read_together(
    user: User, other_user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """A hundred users with news cost two queries, and each gets only their own."""
    people = User.objects.bulk_create(User(username=f"person {number}") for number in range(98))
    everybody = [user, other_user, *people]
    notify_many(everybody, title="before")
    positions = {person.pk: [position_of(person)] for person in everybody}
    notify_many(everybody, title="news")
    with django_assert_num_queries(2):
        replays = read_after(positions)
    mine = dict(Notification.objects.filter(title="news").values_list("recipient_id", "pk"))
    for person in everybody:
        (frame,) = frames_in(replays[person.pk, positions[person.pk][0]])
        assert [item["id"] for item in frame["upsert"]] == [mine[person.pk]]


def test_a_transaction_too_large_for_a_frame_is_a_snapshot(user: User, other_user: User) -> None:
    """Its rows cannot be split over frames, so a reader who is behind it gets the latest, as much as fits."""
    position = position_of(user)
    rows = [Notification(recipient=user, title=f"number {number}", body="x" * 4000) for number in range(20)]
    Notification.objects.bulk_create(rows)
    replay = owed(user, position)
    assert replay.reason == "behind"
    assert replay.snapshot is not None
    titles = [item["title"] for item in replay.snapshot["items"]]
    assert titles == [f"number {number}" for number in range(19, 19 - len(titles), -1)]
    assert 5 < len(titles) < 10
    assert len(dumps(replay.snapshot).encode()) <= MAX_GROUP_BYTES

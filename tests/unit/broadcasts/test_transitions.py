"""Steps: a compare-and-set each, in the history, and refused in words where somebody was quicker."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import OperationalError
from django.utils import timezone

from notifications import AudienceKind, Step, StepRefused
from notifications.broadcasts import progress, transitions
from notifications.broadcasts.transitions import order_broadcast, take_step
from notifications.models import Broadcast
from notifications.models.broadcast import BroadcastState
from tests.support.contention import Conflict

Draft = Callable[..., Broadcast]


def in_hours(hours: float) -> dt.datetime:
    """Return a time from now."""
    return timezone.now() + dt.timedelta(hours=hours)


def history() -> list[tuple[str, str]]:
    """Return who did what, in order."""
    entries = LogEntry.objects.order_by("pk")
    return [(entry.user.get_username(), entry.get_change_message()) for entry in entries]


@pytest.mark.parametrize(("state", "step"), list(itertools.product(BroadcastState, Step)))
def test_only_the_steps_of_the_machine_are_taken(draft: Draft, state: BroadcastState, step: Step) -> None:
    """From each state, each step either leads where it says or is refused and changes nothing."""
    broadcast = draft(state=state)
    if state in step.value.sources:
        assert take_step(broadcast, step).state == step.value.target
    else:
        with pytest.raises(StepRefused):
            take_step(broadcast, step)
        broadcast.refresh_from_db()
        assert broadcast.state == state


def test_every_state_can_be_reached_and_left_or_is_an_end() -> None:
    """No state is a trap: from all but the two ends a step leads on."""
    targets = {step.value.target for step in Step}
    sources = {state for step in Step for state in step.value.sources}
    assert set(BroadcastState) - targets == set()  # a withdrawn one is a draft again
    assert set(BroadcastState) - sources == {BroadcastState.RETRACTED, BroadcastState.EXPIRED}


def test_order_sends_at_once_or_schedules(people: list[User], draft: Draft) -> None:
    """A time in the future makes the difference; both are in the history, under the name of who ordered it."""
    assert order_broadcast(draft(), by=people[0]).state == BroadcastState.SENDING
    scheduled = order_broadcast(draft(send_at=in_hours(1), expires_at=in_hours(2)), by=people[1])
    assert (scheduled.state, scheduled.ordered_by) == (BroadcastState.SCHEDULED, people[1])
    assert history() == [("user0", "Sending began."), ("user1", "Scheduled.")]


def test_of_two_people_who_send_a_draft_one_is_told(people: list[User], draft: Draft) -> None:
    """The second is told by whom it was sent, and nothing is sent twice."""
    broadcast = draft()
    first, second = (Broadcast.objects.get(pk=broadcast.pk) for _ in range(2))
    order_broadcast(first, by=people[0])
    with pytest.raises(
        StepRefused, match=r"^user0 acted first: “Maintenance at 22:00” is now sending\. Nothing was sent twice"
    ):
        order_broadcast(second, by=people[1])
    assert history() == [("user0", "Sending began.")]


def test_draft_that_was_edited_is_not_sent_unseen(people: list[User], draft: Draft) -> None:
    """Who sends it has looked at other words: they are asked to look again."""
    seen = draft()
    Broadcast.objects.filter(pk=seen.pk).update(title="Maintenance at 23:00", revision=2)
    with pytest.raises(
        StepRefused, match="“Maintenance at 23:00” was edited after you reviewed it, so it was not sent"
    ):
        order_broadcast(seen, by=people[0])


def test_step_on_what_was_deleted_says_so(draft: Draft) -> None:
    """A page may be older than the deletion."""
    broadcast = draft()
    Broadcast.objects.all().delete()
    with pytest.raises(StepRefused, match="“Maintenance at 22:00” has been deleted"):
        take_step(broadcast, Step.SEND)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"title": "\t"}, "title", "cannot be blank"),
        ({"url": "javascript:alert(1)"}, "url", "not a link"),
        ({"send_at": -1}, "send_at", "has passed; choose a later time, or leave it empty to send at once"),
        ({"expires_at": -1}, "expires_at", "has passed; choose a later time, or leave it empty to keep it"),
        ({"send_at": 2, "expires_at": 1}, "expires_at", "is before the time of sending"),
        ({"audience": AudienceKind.STAFF}, "audience", "This audience has no active users"),
        ({"audience": AudienceKind.SEGMENT, "chosen": ["trial users"]}, "audience", "Unknown segment “trial users”"),
        ({"audience": AudienceKind.USERS, "chosen": [987654]}, "audience", "No user has the key 987654"),
    ],
)
def test_what_cannot_be_sent_is_refused_at_its_field(
    people: list[User], draft: Draft, fields: dict[str, Any], field: str, words: str
) -> None:
    """The draft stays a draft, and the error says what to do."""
    times = {name: in_hours(hours) for name, hours in fields.items() if name.endswith("_at")}
    broadcast = draft(**fields | times)
    with pytest.raises(ValidationError) as refused:
        order_broadcast(broadcast)
    assert list(refused.value.message_dict) == [field]
    assert words in refused.value.message_dict[field][0]
    broadcast.refresh_from_db()
    assert broadcast.state == BroadcastState.DRAFT


def test_audience_of_inactive_users_is_empty(people: list[User], draft: Draft) -> None:
    """Whoever was deactivated gets nothing, so there is nobody to send to."""
    inactive = User.objects.get(is_active=False)
    with pytest.raises(ValidationError, match="no active users"):
        order_broadcast(draft(audience=AudienceKind.USERS, chosen=[inactive.pk]))


def test_broadcast_of_a_program_leaves_no_history(people: list[User], draft: Draft) -> None:
    """The history needs a name; where nobody ordered it there is none."""
    assert order_broadcast(draft()).state == BroadcastState.SENDING
    assert history() == []


@pytest.mark.django_db(transaction=True)
def test_a_step_that_the_database_undid_is_taken_again(
    people: list[User], draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deadlock with somebody else's transaction reaches nobody who took a step; it stands in the history once."""
    undone: list[OperationalError] = []

    def show_followers(*args: Any, **kwargs: Any) -> None:
        if not undone:
            undone.append(OperationalError(1213, "undone"))
            raise undone[0] from Conflict()
        real(*args, **kwargs)

    real = progress.show_followers
    monkeypatch.setattr(transitions, "show_followers", show_followers)
    assert order_broadcast(draft(), by=people[0]).state == BroadcastState.SENDING
    assert history() == [(people[0].get_username(), "Sending began.")]

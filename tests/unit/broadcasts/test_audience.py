"""Audiences: active users only, each once, and whatever is unknown is refused by name."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone

from notifications import Audience, AudienceKind, InvalidSegment, segment
from notifications.api.send import To
from notifications.broadcasts import segments
from notifications.broadcasts.audience import KINDS, inactive_of, online_of, users_of
from notifications.broadcasts.segments import segment_names
from notifications.management.commands.broadcast import Command
from notifications.models.broadcast import EVERYONE
from notifications.models.presence import Presence, Process


@pytest.fixture(autouse=True)
def no_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test registers its own."""
    monkeypatch.setattr(segments, "registered", {})


@pytest.fixture
def people(db: None) -> dict[str, User]:
    """Two who are active, one of them on the staff, and one who is not."""
    return {
        "ada": User.objects.create_user("ada", is_staff=True),
        "ben": User.objects.create_user("ben"),
        "gone": User.objects.create_user("gone", is_active=False, is_staff=True),
    }


def names(audience: Audience) -> list[str]:
    """Return who it is, in order."""
    return sorted(users_of(audience).values_list("username", flat=True))


def words(audience: Audience) -> str:
    """Return why it is refused."""
    with pytest.raises(ValidationError) as refused:
        users_of(audience)
    (text,) = refused.value.message_dict["audience"]
    return text


def test_everyone_and_staff_are_active(people: dict[str, User]) -> None:
    """Who was deactivated is in no audience."""
    assert names(EVERYONE) == ["ada", "ben"]
    assert names(Audience(AudienceKind.STAFF)) == ["ada"]


def test_member_of_two_groups_comes_once(people: dict[str, User]) -> None:
    """Groups may overlap."""
    groups = [Group.objects.create(name=name) for name in ("editors", "authors")]
    for group in groups:
        group.user_set.set(people.values())
    keys = tuple(group.pk for group in groups)
    assert names(Audience(AudienceKind.GROUPS, keys)) == ["ada", "ben"]
    assert list(users_of(Audience(AudienceKind.GROUPS, keys)).order_by("pk")) == [people["ada"], people["ben"]]


def test_user_given_twice_comes_once(people: dict[str, User]) -> None:
    """Also where one of the keys is written as text; who is not active is left out and can be named."""
    keys = (people["ben"].pk, str(people["ben"].pk), people["gone"].pk)
    audience = Audience(AudienceKind.USERS, keys)
    assert names(audience) == ["ben"]
    assert list(inactive_of(audience)) == [people["gone"]]
    assert not inactive_of(EVERYONE).exists()


def test_segment_is_asked_each_time(people: dict[str, User]) -> None:
    """A segment may be ordered, sliced and joined; who is in it is decided when it is used."""

    @segment("newest user")
    def newest() -> QuerySet[User]:
        return User.objects.filter(is_active=True).order_by("-pk")[:1]

    audience = Audience(AudienceKind.SEGMENT, ("newest user",))
    assert names(audience) == ["ben"]
    User.objects.create_user("cleo")
    assert names(audience) == ["cleo"]


@pytest.mark.parametrize(
    ("audience", "text"),
    [
        (Audience(AudienceKind.USERS), "No user chosen"),
        (Audience(AudienceKind.GROUPS), "No group chosen"),
        (Audience(AudienceKind.SEGMENT), "0 segments chosen; choose only one."),
        (Audience(AudienceKind.USERS, (987654, "me", 10**30)), "No user has the key 987654, me, 1"),
        (Audience(AudienceKind.GROUPS, (987654,)), "No group has the key 987654"),
        (Audience("friends"), "Unknown audience “friends”; choose everyone, staff"),
    ],
)
def test_unknown_audience_is_refused_by_name(db: None, audience: Audience, text: str) -> None:
    """The error says what was not found."""
    assert text in words(audience)


def test_unknown_segment_is_refused_with_the_known_ones(db: None) -> None:
    """A segment that a release took away is named, beside those that are there."""
    assert "Unknown segment “trial users”; registered segments: none so far" in words(
        Audience(AudienceKind.SEGMENT, ("trial users",))
    )
    segment("paying users")(User.objects.all)
    assert "registered segments: paying users." in words(Audience(AudienceKind.SEGMENT, ("trial users",)))


def test_every_kind_is_offered_everywhere() -> None:
    """What a column may hold has an object; what programs can name has a field of the API and an option."""
    assert list(KINDS) == AudienceKind.values
    named = {name for name, kind in KINDS.items() if kind.named_by is not None}
    assert To.model_fields.keys() == {"usernames", "ids", *named}
    options = Command().create_parser("manage.py", "broadcast")._option_string_actions
    assert {action.dest for action in options.values()} >= named
    assert named == set(KINDS) - {"users"}


@pytest.mark.parametrize("returned", [None, [1, 2], Group.objects.all()])
def test_segment_that_returns_no_users_is_an_error_of_the_site(db: None, returned: Any) -> None:
    """The developer is told what came instead."""
    segment("odd")(lambda: returned)
    with pytest.raises(InvalidSegment, match=r"'odd' returned .*; return a queryset of auth\.User"):
        users_of(Audience(AudienceKind.SEGMENT, ("odd",)))


@pytest.mark.parametrize("name", ["", "  ", "x" * 101])
def test_segment_needs_a_name(name: str) -> None:
    """1 to 100 characters."""
    with pytest.raises(InvalidSegment, match="is not a valid name for a segment"):
        segment(name)


def test_two_functions_cannot_share_a_name() -> None:
    """The second is refused; the same one again, as when a module is reloaded, is not."""

    def first() -> QuerySet[User]:
        return User.objects.all()

    def second() -> QuerySet[User]:
        return User.objects.none()

    segment("both")(first)
    segment("both")(first)
    words = r"The segment name 'both' is taken by .*first; choose another name for .*second"
    with pytest.raises(InvalidSegment, match=words):
        segment("both")(second)
    assert segment_names() == ["both"]


def test_online_are_those_with_a_stream_in_a_living_process(people: dict[str, User]) -> None:
    """Who was held by a process whose time is over is not online any more."""
    now = timezone.now()
    for name, minutes in (("ada", 1), ("ben", -1)):
        process = Process.objects.create(alive_until=now + dt.timedelta(minutes=minutes))
        Presence.objects.create(user=people[name], process=process, since=now)
    assert [user.username for user in online_of(users_of(EVERYONE))] == ["ada"]

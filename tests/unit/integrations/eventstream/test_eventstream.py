"""django-eventstream over our log: names, ids, what its view is told when it asks twice, and nobody else's inbox."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import AnonymousUser, User
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory, override_settings
from django_eventstream import get_current_event_id, send_event
from django_eventstream.storage import EventDoesNotExist
from hypothesis import example, given, strategies as st

from notifications import BypassesLog, notify, publish_public
from notifications.checks import TAG
from notifications.integrations.eventstream import LogChannelManager, LogStorage, TooManyStreams, get_our_storage
from notifications.integrations.eventstream.channels import (
    Channel,
    Channels,
    decode_position,
    encode_position,
    format_ids,
    name_inbox_channel,
    name_public_channel,
    parse_ids,
    parse_topic,
    parse_user,
)
from notifications.models import Inbox, Notification
from notifications.protocol.position import Position

TOPICS = override_settings(NOTIFICATIONS_PUBLIC_TOPICS=["status"])


@given(st.integers(1, 2**48 - 1), st.integers(0, 2**63 - 1))
def test_a_position_goes_into_one_number_and_back(epoch: int, modseq: int) -> None:
    """The number of a position is the position's alone, and later ones of an epoch have higher numbers."""
    position = Position(epoch, modseq)
    assert decode_position(encode_position(position)) == position
    assert str(encode_position(position)) == f"{epoch}{modseq:019d}"


@given(st.dictionaries(st.text(min_size=1), st.integers(0, 10**34 - 1), min_size=1))
def test_an_id_names_channels_and_numbers(numbers: dict[str, int]) -> None:
    """What is written as an id is read from it, whatever the channels are called."""
    assert parse_ids(format_ids(numbers)) == numbers


@pytest.mark.parametrize("text", ["", "x", "user-7", "user-7:", "user-7:x", "user-7:-1", "user-7:٣", ":".join("abc")])
def test_what_is_no_id_is_passed_over(text: str) -> None:
    """Parts that nobody was given do not count, and none of them is an error."""
    assert parse_ids(text) == {}


@pytest.mark.django_db
@given(name=st.text())
@example(name="user-+7")
@example(name="user- 7")
@example(name="user-07")
@example(name="user-７")
@example(name="user-7\0")
@example(name="public-user-7")
@example(name="public-status/../user-7")
@example(name="public-status,user-7")
@example(name="PUBLIC-status")
@example(name="public-status\n")
@TOPICS
def test_a_name_means_one_log_or_none(name: str) -> None:
    """A channel is an inbox or a public topic and never both; only the exact name of either is one."""
    topic, user_id = parse_topic(name), parse_user(name)
    assert topic is None or user_id is None
    if topic is not None:
        assert name == "public-status"
    if user_id is not None:
        assert name == f"user-{user_id}"


NASTY = ["user-{pk}", "user-{pk}\0", "public-user-{pk}", "public-", "public-{pk}", "public-status,user-{pk}", "", "*"]


@TOPICS
@pytest.mark.parametrize("name", NASTY)
def test_nobody_reads_an_inbox_from_outside(user: User, other_user: User, name: str) -> None:
    """Without a login, or with somebody else's, no name leads to a user's inbox, and none but a declared topic is public."""
    manager, channel = LogChannelManager(), name.format(pk=user.pk)
    assert not manager.can_read_channel(None, channel)
    assert not manager.can_read_channel(other_user, channel)
    assert manager.can_read_channel(None, "public-status")


@TOPICS
def test_a_public_topic_is_never_read_from_an_inbox(user: User) -> None:
    """A topic called like a user's channel is a topic: what is read there was published there."""
    with override_settings(NOTIFICATIONS_PUBLIC_TOPICS=[f"user-{user.pk}"]):
        publish_public(f"user-{user.pk}", title="For all")
        notify(user, title="For one")
        [event] = LogStorage().get_events(f"public-user-{user.pk}", 0)
        assert "For all" in event.data
        assert not LogChannelManager().can_read_channel(None, f"user-{user.pk}")


def test_who_was_deactivated_reads_nothing(user: User) -> None:
    """An inactive user may not read even their own channel."""
    user.is_active = False
    assert not LogChannelManager().can_read_channel(user, name_inbox_channel(user))


@pytest.mark.django_db(transaction=True)
def test_a_question_asked_twice_goes_on(user: User) -> None:
    """Its view repeats a question whose answer it has sent; it gets what came after that answer, and nothing twice."""
    storage, channel = LogStorage(), Channel(name_inbox_channel(user))
    start = storage.get_current_id(channel)
    notify(user, title="One")
    assert [event.id for event in storage.get_events(channel, start)] == [start + 1]
    notify(user, title="Two")
    assert [event.id for event in storage.get_events(channel, start)] == [start + 2]
    assert storage.get_events(channel, start) == []
    assert (
        len(storage.get_events(Channel(name_inbox_channel(user)), start)) == 1
    )  # another connection; one frame for both


def test_a_reset_asked_twice_goes_on(user: User) -> None:
    """After a reset the repeated question, with the id that was of no use, continues from where the reset led."""
    storage, channel = LogStorage(), Channel(name_inbox_channel(user))
    with pytest.raises(EventDoesNotExist) as refusal:
        storage.get_events(channel, 5)
    notify(user, title="One")
    assert [event.id for event in storage.get_events(channel, 5)] == [refusal.value.current_id + 1]


@pytest.mark.parametrize("limit", [2, 3, 101])
@TOPICS
def test_a_long_answer_comes_in_parts(db: None, limit: int) -> None:
    """Its view shows one event less than it asks for and asks again; together nothing is missing, nothing twice."""
    for number in range(10):
        publish_public("status", title=str(number))
    storage, channel = LogStorage(), Channel(name_public_channel("status"))
    seen: list[int] = []
    asked = 0
    for _ in range(20):
        events = storage.get_events(channel, asked, limit=limit)
        shown = events[: limit - 1] if len(events) >= limit else events
        seen += [decode_position(event.id).modseq for event in shown]
        if len(events) < limit:
            break
        asked = shown[-1].id
    assert seen == list(range(1, 11))


def test_purged_history_is_a_reset(user: User) -> None:
    """After a deletion, older ids are refused with the present one."""
    storage, channel = LogStorage(), name_inbox_channel(user)
    before = storage.get_current_id(channel)
    notify(user, title="One").delete()
    with pytest.raises(EventDoesNotExist) as refusal:
        storage.get_events(channel, before)
    inbox = Inbox.objects.get(pk=user.pk)
    assert refusal.value.current_id == encode_position(Position(inbox.epoch, inbox.modseq))


@pytest.mark.parametrize("name", ["user-999999", "user-x", "nothing", "public-undeclared"])
def test_a_channel_without_a_log_is_a_reset(db: None, name: str) -> None:
    """What means no log has no events and no place."""
    with pytest.raises(EventDoesNotExist):
        LogStorage().get_events(name, 1)
    if name != "user-999999":
        assert LogStorage().get_current_id(name) == 0


def test_its_own_sending_is_refused(user: User) -> None:
    """`send_event()` cannot tell what no inbox holds, and the refusal says what to call instead."""
    with pytest.raises(BypassesLog, match=r"notify\(user, title=…\)"):
        send_event(name_inbox_channel(user), "message", {"text": "x"})
    assert not Notification.objects.exists()


def test_a_page_knows_where_to_begin(user: User) -> None:
    """`get_current_event_id()` gives the id from which a page's stream continues."""
    last_id = get_current_event_id([name_inbox_channel(user)])
    notify(user, title="One")
    [number] = parse_ids(last_id).values()
    assert len(LogStorage().get_events(name_inbox_channel(user), number)) == 1


def asked(user: Any, **headers: Any) -> Any:
    """Return a request for the user's own channel, or for a topic."""
    request = RequestFactory().get("/events/", {} if user.is_authenticated else {"channel": "public-status"}, **headers)
    request.user = user
    return request


@TOPICS
def test_streams_are_counted_while_they_are_in_use(user: User) -> None:
    """A user, and an address that follows a topic, have so many streams and no more; one that ended makes room."""
    manager = LogChannelManager()
    with override_settings(NOTIFICATIONS_STREAMS_PER_USER=2, NOTIFICATIONS_PUBLIC_STREAMS_PER_ADDRESS=2):
        for who in (user, AnonymousUser()):
            held: list[Channels] = [manager.get_channels_for_request(asked(who), {}) for _ in range(2)]
            with pytest.raises(TooManyStreams, match="2 streams open"):
                manager.get_channels_for_request(asked(who), {})
            held.pop()
            gc.collect()
            held.append(manager.get_channels_for_request(asked(who), {}))
        manager.get_channels_for_request(asked(AnonymousUser(), REMOTE_ADDR="192.0.2.1"), {})


@TOPICS
def test_all_together_have_so_many_streams(user: User) -> None:
    """Strangers from ever new addresses do not take more than a process may have: each of its streams holds a thread."""
    manager = LogChannelManager()
    with override_settings(NOTIFICATIONS_STREAMS_PER_PROCESS=3):
        strangers = [asked(AnonymousUser(), REMOTE_ADDR=f"192.0.2.{number}") for number in range(3)]
        held = [manager.get_channels_for_request(stranger, {}) for stranger in strangers]
        with pytest.raises(TooManyStreams, match="everybody has 3 streams open"):
            manager.get_channels_for_request(asked(user), {})
        held.pop()
        gc.collect()
        held.append(manager.get_channels_for_request(asked(user), {}))


def test_inboxes_are_read_for_our_manager_only(user: User) -> None:
    """With django-eventstream's own channel manager, which refuses nobody, no inbox is read, and `check` says so."""
    with override_settings():
        del django_settings.EVENTSTREAM_CHANNELMANAGER_CLASS
        for ask in (lambda name: LogStorage().get_events(name, 0), LogStorage().get_current_id):
            with pytest.raises(
                ImproperlyConfigured, match=r"notifications\.integrations\.eventstream\.LogChannelManager"
            ):
                ask(name_inbox_channel(user))
        assert [found.id for found in run_checks(tags=[TAG]) if "EVENTSTREAM" in found.msg] == ["notifications.E020"]
    assert not [found for found in run_checks(tags=[TAG]) if "EVENTSTREAM" in found.msg]


def test_another_storage_is_named_in_the_error(db: None) -> None:
    """Our channel manager says what it needs where the storage is not ours."""
    with (
        override_settings(EVENTSTREAM_STORAGE_CLASS="django_eventstream.storage.DjangoModelStorage"),
        pytest.raises(ImproperlyConfigured, match=r"notifications\.integrations\.eventstream\.LogStorage"),
    ):
        get_our_storage()

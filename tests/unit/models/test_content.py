"""The fields of the content: each stands once in the models, and wherever else they have to be spelt out."""

from __future__ import annotations

from collections.abc import Collection
from typing import get_args

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.management.base import CommandParser

from notifications.admin.broadcast_forms import BroadcastForm
from notifications.admin.forms import NotificationForm
from notifications.api import responses
from notifications.api.send import Send
from notifications.log.writes import FIXED, editable_fields
from notifications.management.content import add_content_options
from notifications.models import CONTENT_FIELDS, DETAIL_FIELDS, Broadcast, Level, Notification
from notifications.protocol.payloads import Payload, build_payload
from notifications.sending.publish import Content, notify
from tests.support.replica import FIELDS

ALL = {*CONTENT_FIELDS, *DETAIL_FIELDS}
STATE = {"created_at", "read_at", "archived_at"}
SENT = {"id", "modseq", *ALL, *STATE}


def options() -> set[str]:
    """Return the options that commands offer for the content."""
    parser = CommandParser()
    add_content_options(parser)
    return {action.dest for action in parser._actions} - {"help"}


@pytest.mark.parametrize(
    ("place", "wanted"),
    [
        (Content.__annotations__, ALL - {"title"}),
        (Payload.__annotations__, SENT),
        (build_payload(Notification(pk=1, modseq=2)), SENT),
        (FIELDS, SENT),
        (responses.Notification.model_fields, SENT),
        (responses.ITEM, SENT),
        (Send.model_fields, {"to", *ALL}),
        (NotificationForm.Meta.fields, ALL),
        (set(BroadcastForm.Meta.fields) - {"audience", "send_at", "expires_at"}, set(CONTENT_FIELDS)),
        (Broadcast().content, {*CONTENT_FIELDS, "broadcast_id"}),
        (options(), set(CONTENT_FIELDS)),
        (editable_fields(), ALL | STATE),
    ],
    ids=lambda each: None,
)
def test_no_field_is_forgotten(place: Collection[str], wanted: set[str]) -> None:
    """A field that is added to the models is in every list of them, on the wire and off it."""
    assert set(place) == wanted


def test_every_field_of_the_table_is_accounted_for() -> None:
    """A field is content, or it says in which state a notification is, or it never changes."""
    assert {field.name for field in Notification._meta.concrete_fields} == ALL | STATE | FIXED


def test_the_order_is_that_of_the_forms() -> None:
    """Staff are asked for the title first."""
    assert CONTENT_FIELDS[:3] == ("title", "body", "url")
    assert DETAIL_FIELDS[:3] == ("actor", "topic", "data")


def test_levels_are_the_same_everywhere() -> None:
    """What the API names is what the column holds."""
    assert list(get_args(responses.LevelName)) == Level.values


@pytest.mark.django_db
def test_the_admin_asks_for_all() -> None:
    """The form for a notification shows each field once."""
    shown = admin.site.get_model_admin(Notification).get_fieldsets(None)  # type: ignore[arg-type] # it is not looked at
    names = [name for _title, options in shown for name in options["fields"]]
    assert sorted(names) == sorted({"recipients", *ALL})


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(ALL | STATE))
def test_saving_again_loses_nothing(user: User, name: str) -> None:
    """Each field that is not fixed is written when a row is saved again; none is dropped silently."""
    row = notify(user, title="Before")
    values = {"data": {"a": 1}, "level": "error", "url": "/after/", **dict.fromkeys(STATE, row.created_at)}
    setattr(row, name, values.get(name, "after"))
    row.save()
    assert getattr(Notification.objects.get(pk=row.pk), name) == values.get(name, "after")

"""The picture of a sender: asked for once, when a notification is sent, and kept in the row."""

from __future__ import annotations

from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from notifications import InvalidSetting, notify, notify_many
from notifications.models import Notification
from notifications.models.validators import DATA_MAX_BYTES
from notifications.reading.actions import apply_action
from notifications.reading.undo import undo_action
from notifications.sending.jobs import track

pytestmark = pytest.mark.django_db(transaction=True)

PATH: Final = f"{__name__}.picture_of"
asked: list[str] = []
answers: dict[str, Any] = {}


def picture_of(notification: Notification) -> Any:
    """Stand for a site's own function."""
    asked.append(notification.actor)
    return answers.get(notification.actor)


@pytest.fixture(autouse=True)
def people() -> Any:
    """A site where Ada has a picture and nobody else."""
    asked.clear()
    answers.clear()
    answers["Ada"] = "/media/ada.png"
    with override_settings(NOTIFICATIONS_AVATAR_OF=PATH):
        yield


def stored(user: User) -> dict[str, Any]:
    """Return the data of the one notification that a user has."""
    data: dict[str, Any] = Notification.objects.get(recipient=user).data
    return data


def test_the_picture_is_kept_in_the_row(user: User) -> None:
    """Asked once, beside what `data` holds; without one nothing is added."""
    sent = notify(user, title="Hello", actor="Ada", data={"person": 7})
    assert sent.data == stored(user) == {"person": 7, "avatar": "/media/ada.png"}
    assert notify(user, title="Hello", actor="Bob").data == {}
    assert asked == ["Ada", "Bob"]


def test_what_was_given_is_not_touched(user: User) -> None:
    """A caller's own dictionary stays as it was."""
    given = {"person": 7}
    notify(user, title="Hello", actor="Ada", data=given)
    assert given == {"person": 7}


@pytest.mark.parametrize(
    "content", [{}, {"actor": "Ada", "data": {"avatar": "/own.png"}}, {"actor": "Ada", "data": {"avatar": ""}}]
)
def test_nobody_is_asked(user: User, content: Any) -> None:
    """Where there is no sender, and where the picture is given, an empty one too."""
    assert notify(user, title="Hello", **content).data == content.get("data", {})
    assert asked == []


def test_of_many_it_is_asked_once(user: User, other_user: User) -> None:
    """One message to many users has one picture."""
    notify_many([user, other_user], title="Hello", actor="Ada")
    assert asked == ["Ada"]
    assert stored(user) == stored(other_user) == {"avatar": "/media/ada.png"}


def test_each_way_to_make_a_row_asks(user: User) -> None:
    """`save()`, `create()` and `bulk_create()`; a row that is saved again is not asked about."""
    row = Notification(recipient=user, title="one", actor="Ada")
    row.save()
    row.title = "one more"
    row.save()
    Notification.objects.create(recipient=user, title="two", actor="Ada")
    Notification.objects.bulk_create([Notification(recipient=user, title="three", actor="Ada")])
    assert {each.data["avatar"] for each in Notification.objects.all()} == {"/media/ada.png"}
    assert asked == ["Ada"] * 3


def test_a_list_asks_nobody(user: User) -> None:
    """Rows are read with one query, pictures and all."""
    for actor in ("Ada", "Bob", "Cy"):
        notify(user, title="Hello", actor=actor)
    asked.clear()
    with CaptureQueriesContext(connection) as queries:
        assert [row.data.get("avatar") for row in Notification.objects.order_by("pk")] == ["/media/ada.png", None, None]
    assert (len(queries), asked) == (1, [])


def test_undo_asks_nobody(user: User) -> None:
    """What was deleted comes back as it was."""
    row = notify(user, title="Hello", actor="Bob")
    answers["Bob"] = "/media/bob.png"
    result = apply_action(user, "delete", [row.pk], seconds=10)
    assert result.token is not None
    undo_action(user, result.token)
    assert (stored(user), asked) == ({}, ["Bob"])


def test_a_job_keeps_its_picture(user: User) -> None:
    """Also when its end brings data of its own."""
    with track(user, title="Export", actor="Ada") as job:
        assert stored(user)["avatar"] == "/media/ada.png"
        job.finish(data={"rows": 7})
    data = stored(user)
    assert (data["avatar"], data["rows"], asked) == ("/media/ada.png", 7, ["Ada"])


@pytest.mark.parametrize("answer", ["https://cdn.example/ada.png", "//cdn.example/ada.png", "ada.png", "/a b.png", 7])
def test_another_hosts_picture_is_refused(user: User, answer: Any) -> None:
    """The error names the setting, the value and the remedy, and nothing is written."""
    answers["Ada"] = answer
    with pytest.raises(InvalidSetting) as caught:
        notify(user, title="Hello", actor="Ada")
    text = str(caught.value)
    assert all(part in text for part in (PATH, repr(answer), "'Ada'", "'/media/ada.png', or None"))
    assert not Notification.objects.exists()


def test_data_stays_within_its_bounds(user: User) -> None:
    """An address for which there is no room left is refused as all of `data` is."""
    with pytest.raises(ValidationError, match="bytes long"):
        notify(user, title="Hello", actor="Ada", data={"text": "x" * (DATA_MAX_BYTES - 20)})
    assert not Notification.objects.exists()


def test_an_empty_answer_means_initials(user: User) -> None:
    """As None does."""
    answers["Ada"] = ""
    assert notify(user, title="Hello", actor="Ada").data == {}

"""The admin's history: kept in English, read in the reader's language, with the right form for a number."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.utils import translation

from notifications import make_token
from notifications.access.history import describe_sending, translate, translate_entries
from notifications.models import ApiToken


@pytest.mark.parametrize(
    ("numbers", "english", "chinese"),
    [
        ((1, None), "Sent by the API to 1 recipient.", "已通过 API 发送给 1 位收件人。"),
        ((12, None), "Sent by the API to 12 recipients.", "已通过 API 发送给 12 位收件人。"),
        (
            (1234, 5),
            "Sent by the API to 1234 recipients, as broadcast 5.",
            "已通过 API 以群发 5 发送给 1234 位收件人。",
        ),
    ],
)
def test_what_the_api_sent_is_said_in_the_readers_language(
    numbers: tuple[int, int | None], english: str, chinese: str
) -> None:
    """The numbers are read from the English sentence, and said with the form that they take."""
    with translation.override("en"):
        assert describe_sending(*numbers) == english
    with translation.override("zh-hans"):
        (entry,) = translate_entries([LogEntry(change_message=english)])
    assert entry.change_message == chinese


def test_other_sentences_tell_of_no_outcome() -> None:
    """What somebody else wrote is not taken for one of ours."""
    with translation.override("zh-hans"):
        for text in ("Sent by the API to nobody.", "Sent by the API to 1 recipient. And more."):
            assert translate(text) == text


@pytest.mark.django_db
def test_the_history_of_a_token_is_translated(admin_client: Client, admin_user: User, user: User) -> None:
    """A reader of Chinese reads there in Chinese what the token sent."""
    make_token(user, name="nightly", scopes=["read"])
    token = ApiToken.objects.get()
    LogEntry.objects.create(
        user_id=admin_user.pk,
        content_type_id=ContentType.objects.get_for_model(ApiToken).pk,
        object_id=str(token.pk),
        object_repr="nightly",
        action_flag=CHANGE,
        change_message="Sent by the API to 2 recipients.",
    )
    page = admin_client.get(
        f"/admin/live_notifications/apitoken/{token.pk}/history/", headers={"accept-language": "zh-hans"}
    )
    assert "已通过 API 发送给 2 位收件人。" in page.content.decode()

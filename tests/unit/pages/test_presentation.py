"""How a notification looks in a list, as the server writes it: what it shows whatever a row holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.template import Context, Template
from django.utils import timezone, translation

from notifications.models import Notification
from notifications.pages import presentation
from notifications.pages.presentation import day_name_of, icon_of, lead_of, picture_of, rest_of, short_time_of

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noon on a Wednesday."""
    monkeypatch.setattr(timezone, "now", lambda: NOON)


@pytest.mark.parametrize(
    ("title", "actor", "lead", "rest"),
    [
        ("Ada Lovelace mentioned you", "Ada Lovelace", "Ada Lovelace", " mentioned you"),
        ("Ada", "Ada", "Ada", ""),
        ("Ada, look", "Ada", "Ada", ", look"),
        ("Adamant", "Ada", "", "Adamant"),
        ("You were mentioned by Ada", "Ada", "", "You were mentioned by Ada"),
        ("Nobody did", "", "", "Nobody did"),
        ("李伟评论了“首页文案”", "李伟", "李伟", "评论了“首页文案”"),  # no space stands between Chinese words
        ("김민수님이 초대했습니다", "김민", "", "김민수님이 초대했습니다"),
    ],
)
def test_a_title_that_begins_with_its_sender_is_split(title: str, actor: str, lead: str, rest: str) -> None:
    """The sender is set apart where the title begins with the whole name, and nothing of the title is lost."""
    notification = Notification(title=title, actor=actor)
    assert (lead_of(notification), rest_of(notification)) == (lead, rest)


@pytest.mark.parametrize(
    "data", [{}, [], None, "icon", {"icon": 7}, {"icon": "<b>"}, {"icon": "-x"}, {"icon": "a" * 41}]
)
def test_a_sign_that_is_none_gives_way_to_the_level(data: Any) -> None:
    """Whatever `data` holds, there is a sign."""
    assert icon_of(Notification(level="error", data=data)) == "error"


def test_a_notification_names_its_sign() -> None:
    """By the key of a symbol."""
    assert icon_of(Notification(level="error", data={"icon": "check-all"})) == "check-all"


@pytest.mark.parametrize(
    ("url", "picture"),
    [
        ("/media/ada.png", "/media/ada.png"),
        ("https://elsewhere.example/ada.png", ""),
        ("//elsewhere.example/ada.png", ""),
        ("/\\elsewhere.example", ""),
        ("javascript:alert(1)", ""),
        (7, ""),
    ],
)
def test_a_picture_comes_from_this_site(url: object, picture: str) -> None:
    """Another host would learn who reads what."""
    assert picture_of(Notification(data={"avatar": url})) == picture


@pytest.mark.parametrize(
    ("moment", "english", "chinese"),
    [
        (NOON + timedelta(minutes=1), "now", "刚刚"),  # clocks differ
        (NOON - timedelta(seconds=59), "now", "刚刚"),
        (NOON - timedelta(minutes=59), "59m", "59分钟"),
        (NOON - timedelta(hours=23), "23h", "23小时"),
        (datetime(2026, 11, 22, 9, 5, tzinfo=UTC), "Sun 09:05", "星期日 09:05"),
        (datetime(2026, 11, 18, 12, tzinfo=UTC), "18 Nov", "11月18日"),
        (datetime(2025, 11, 18, 12, tzinfo=UTC), "18 Nov 2025", "2025年11月18日"),
    ],
)
def test_a_time_is_told_in_few_letters(moment: datetime, english: str, chinese: str) -> None:
    """How long ago while that says something, then the day, in the reader's language."""
    assert short_time_of(moment) == english
    with translation.override("zh-hans"):
        assert short_time_of(moment) == chinese


@pytest.mark.parametrize(
    ("moment", "english", "chinese"),
    [
        (datetime(2026, 11, 25, 0, 1, tzinfo=UTC), "Today", "今天"),
        (datetime(2026, 11, 24, 23, 59, tzinfo=UTC), "Yesterday", "昨天"),
        (datetime(2026, 11, 23, 12, tzinfo=UTC), "Monday 23 November", "11月23日 星期一"),
        (datetime(2025, 12, 31, 12, tzinfo=UTC), "Wednesday 31 December 2025", "2025年12月31日 星期三"),
    ],
)
def test_a_day_has_its_name(moment: datetime, english: str, chinese: str) -> None:
    """By midnights, not by hours."""
    assert day_name_of(moment) == english
    with translation.override("zh-hans"):
        assert day_name_of(moment) == chinese


def test_days_are_those_of_the_site(settings: Any) -> None:
    """Half past eleven in the evening in London is tomorrow in Berlin."""
    settings.TIME_ZONE = "Europe/Berlin"
    assert presentation.day_key_of(datetime(2026, 11, 24, 23, 30, tzinfo=UTC)) == "2026-11-25"
    assert day_name_of(datetime(2026, 11, 24, 23, 30, tzinfo=UTC)) == "Today"


def test_a_sign_is_drawn_by_its_key() -> None:
    """What a template writes cannot leave its attribute."""
    html = Template("{% load live_notifications %}{% notification_icon name %}").render(Context({"name": '"><script>'}))
    assert "<script>" not in html
    assert 'href="#notification-icon-&quot;' in html

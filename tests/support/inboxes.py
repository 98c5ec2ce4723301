"""What the people of the states have in their inboxes, in English and in Chinese, and the code that puts it there."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["FILL", "events_of"]

# One transaction: nobody is told before the times are what they are to be.
FILL: Final = """
from datetime import timedelta
from django.utils import timezone

with transaction.atomic():
    for event in events:
        minutes, is_read, is_archived = (event.pop(name) for name in ("minutes", "is_read", "is_archived"))
        row = notify(user, **event)
        rows = Notification.objects.filter(pk=row.pk)
        rows.update_rows(created_at=timezone.now() - timedelta(minutes=minutes))
        if is_read:
            row.mark_read()
        if is_archived:
            row.archive()
"""
Event = dict[str, Any]


def event(minutes: float, title: str, body: str = "", **fields: Any) -> Event:
    """Return the words of a notification, and how long ago it came."""
    return {"minutes": minutes, "title": title, "body": body, "is_read": False, "is_archived": False, **fields}


ENGLISH: Final = [
    event(4330, "Welcome", "This is where you hear what happens while you work.", url="/", is_read=True),
    event(
        1510,
        "Invoice 2041 has been paid",
        "€ 1,280.00 arrived by bank transfer.",
        level="success",
        category="billing",
        is_read=True,
    ),
    event(
        370,
        "Maintenance on Sunday",
        "From 06:00 to 06:30 UTC the site can be read, but nothing can be changed.",
        level="warning",
        category="system",
    ),
    event(
        95,
        "Uma shared “Figures for October” with you",
        url="/notifications/",
        category="reports",
        actor="Uma",
        is_read=True,
    ),
    event(
        42,
        "Your export could not be finished",
        "The file grew beyond 100 MB. Choose a shorter period and try again.",
        level="error",
        category="reports",
    ),
    event(
        6,
        "Ada mentioned you",
        "“Can you look at the figures for October before Thursday?”",
        url="/notifications/",
        category="mentions",
        actor="Ada",
    ),
]
CHINESE: Final = [
    event(4330, "欢迎", "工作中发生的一切，您都会在这里得知。", url="/", is_read=True),
    event(1510, "发票 2041 已付款", "€ 1,280.00 已通过银行转账到账。", level="success", category="账单", is_read=True),
    event(370, "周日维护", "06:00 至 06:30（UTC）期间网站只能浏览，不能修改。", level="warning", category="系统"),
    event(95, "小敏与您共享了“十月数据”", url="/notifications/", category="报表", actor="小敏", is_read=True),
    event(42, "导出未能完成", "文件超过 100 MB。请选择较短的时间段后重试。", level="error", category="报表"),
    event(
        6, "安雅提到了您", "“能在周四之前看一下十月的数据吗？”", url="/notifications/", category="提及", actor="安雅"
    ),
]


def events_of(inbox: str, language: str = "en") -> list[Event]:
    """Return what is in an inbox: "empty", "full", "read", "archived", or "long", which takes two pages."""
    told = CHINESE if language == "zh-hans" else ENGLISH
    older = [event(5000 + 60 * n, f"Build {900 - n} has passed", category="builds", is_read=True) for n in range(60)]
    inboxes = {
        "empty": [],
        "full": told,
        "read": [each | {"is_read": True} for each in told],
        "archived": [each | {"is_archived": True} for each in told[:3]] + told[3:],
        "long": [*reversed(older), *told],
    }
    return [dict(each) for each in inboxes[inbox]]

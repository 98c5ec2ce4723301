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


# A day and more in a team: people and systems, some of it read, three comments on one document.
ENGLISH: Final = [
    event(
        10_080,
        "Noor Haddad invited you to Website relaunch",
        "You can comment and edit.",
        actor="Noor Haddad",
        category="invitations",
        data={"icon": "invite"},
        is_read=True,
    ),
    event(
        4330,
        "Invoice 2041 has been paid",
        "€ 1,280.00 arrived by bank transfer.",
        level="success",
        category="billing",
        data={"icon": "payment"},
        is_read=True,
    ),
    event(
        2310,
        "Li Wei commented on Homepage copy",
        "“Shorter version is in the doc now, please have a look.”",
        actor="Li Wei",
        category="comments",
        topic="documents:7",
        data={"icon": "comment"},
        is_read=True,
    ),
    event(
        1510,
        "Maintenance on Sunday",
        "From 06:00 to 06:30 UTC the site can be read, but nothing can be changed.",
        level="warning",
        category="system",
        data={"icon": "announcement"},
    ),
    event(300, "Build 875 has failed", "“lint” stopped after two minutes.", level="error", category="builds"),
    event(
        245,
        "Sara Okafor asks you to approve an expense",
        "€ 412.50 · Train tickets, Berlin–Vienna, 12 November",
        actor="Sara Okafor",
        category="expenses",
        data={"icon": "approval"},
    ),
    event(
        125,
        "Uma Patel shared Figures for October with you",
        url="/notifications/",
        category="reports",
        actor="Uma Patel",
        data={"icon": "file"},
        is_read=True,
    ),
    event(
        84,
        "Jonas Weber commented on Release plan",
        "“Can we move the freeze to Wednesday?”",
        actor="Jonas Weber",
        category="comments",
        topic="documents:9",
        data={"icon": "comment"},
    ),
    event(
        61,
        "Sara Okafor commented on Release plan",
        "“Finance needs the changelog by Tuesday noon then.”",
        actor="Sara Okafor",
        category="comments",
        topic="documents:9",
        data={"icon": "comment"},
    ),
    event(
        42,
        "Your export could not be finished",
        "The file grew beyond 100 MB. Choose a shorter period and try again.",
        level="error",
        category="reports",
        data={"icon": "file"},
    ),
    event(
        17,
        "Li Wei assigned Fix the header on Safari to you",
        "Due on Thursday · Website relaunch",
        actor="Li Wei",
        category="tasks",
        data={"icon": "task"},
    ),
    event(
        3,
        "Ada Lovelace mentioned you in Figures for October",
        "“@Mia can you look at the figures for October before Thursday?”",
        url="/notifications/",
        category="mentions",
        actor="Ada Lovelace",
        data={"icon": "mention"},
    ),
]
CHINESE: Final = [
    event(
        10_080,
        "陈晨邀请您加入“网站改版”",
        "您可以评论和编辑。",
        actor="陈晨",
        category="邀请",
        data={"icon": "invite"},
        is_read=True,
    ),
    event(
        4330,
        "发票 2041 已付款",
        "€ 1,280.00 已通过银行转账到账。",
        level="success",
        category="账单",
        data={"icon": "payment"},
        is_read=True,
    ),
    event(
        2310,
        "李伟评论了“首页文案”",
        "“更短的版本已经在文档里了，请看一下。”",
        actor="李伟",
        category="评论",
        data={"icon": "comment"},
        is_read=True,
    ),
    event(
        1510,
        "周日维护",
        "06:00 至 06:30（UTC）期间网站只能浏览，不能修改。",
        level="warning",
        category="系统",
        data={"icon": "announcement"},
    ),
    event(300, "构建 875 失败", "“lint”在两分钟后停止。", level="error", category="构建"),
    event(
        245,
        "王芳请您批准一笔费用",
        "€ 412.50 · 火车票，柏林至维也纳，11 月 12 日",
        actor="王芳",
        category="费用",
        data={"icon": "approval"},
    ),
    event(
        125,
        "小敏与您共享了“十月数据”",
        url="/notifications/",
        category="报表",
        actor="小敏",
        data={"icon": "file"},
        is_read=True,
    ),
    event(
        61,
        "王芳评论了“发布计划”",
        "“那么财务需要在周二中午之前拿到更新日志。”",
        actor="王芳",
        category="评论",
        data={"icon": "comment"},
    ),
    event(42, "导出未能完成", "文件超过 100 MB。请选择较短的时间段后重试。", level="error", category="报表"),
    event(
        17,
        "李伟将“修复 Safari 上的页眉”分配给您",
        "周四到期 · 网站改版",
        actor="李伟",
        category="任务",
        data={"icon": "task"},
    ),
    event(
        3,
        "安雅在“十月数据”中提到了您",
        "“能在周四之前看一下十月的数据吗？”",
        url="/notifications/",
        category="提及",
        actor="安雅",
        data={"icon": "mention"},
    ),
]


def events_of(inbox: str, language: str = "en") -> list[Event]:
    """Return what is in an inbox: "empty", "full", "read", "archived", or "long", which takes two pages."""
    told = CHINESE if language == "zh-hans" else ENGLISH
    older = [event(11_000 + 60 * n, f"Build {900 - n} has passed", category="builds", is_read=True) for n in range(60)]
    inboxes = {
        "empty": [],
        "full": told,
        "read": [each | {"is_read": True} for each in told],
        "archived": [each | {"is_archived": True} for each in told[:3]] + told[3:],
        "long": [*reversed(older), *told],
    }
    return [dict(each) for each in inboxes[inbox]]

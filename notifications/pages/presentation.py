"""How a notification looks in a list: its title in two parts, its sign, its picture, its time and its day.

Receives notifications as the templates have them. Guarantees that whatever a row holds, something is shown: `data` is what a
site wrote, and a row may have come by raw SQL. The script does the same for what arrives: dom/templates.js, dom/avatar.js,
dom/format.js and dom/days.js.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _, pgettext

from ..models import Notification
from ..models.validators import followable

__all__ = ["day_key_of", "day_name_of", "icon_of", "lead_of", "picture_of", "rest_of", "short_time_of"]

# The symbols are those of `templates/live_notifications/_icons.html`, and whatever a site adds there.
ICON: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
# Chinese and Japanese have no spaces between words.
WRITTEN_TOGETHER: Final = re.compile("[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
MINUTE_SECONDS: Final = 60
HOUR_SECONDS: Final = 3600
DAY_SECONDS: Final = 24 * HOUR_SECONDS
WEEK_DAYS: Final = 7


def lead_of(notification: Notification) -> str:
    """Return the sender where the title begins with it, to be shown in bold; empty elsewhere.

    "Ada Lovelace" of "Ada Lovelace mentioned you".
    """
    actor = notification.actor
    rest = notification.title.removeprefix(actor)
    goes_on = rest[:1].isalnum() and not WRITTEN_TOGETHER.match(rest)  # "Adam" does not begin with "Ada"
    is_lead = bool(actor) and rest != notification.title and not goes_on
    return actor if is_lead else ""


def rest_of(notification: Notification) -> str:
    """Return the title without what `lead_of()` returns."""
    return notification.title.removeprefix(lead_of(notification))


def read_text(notification: Notification, name: str) -> str:
    """Return a text out of a notification's `data`; empty where there is none."""
    data: Any = notification.data
    value = data.get(name) if isinstance(data, dict) else None
    return value if isinstance(value, str) else ""


def icon_of(notification: Notification) -> str:
    """Return the key of the sign that stands for the kind: `data["icon"]`, else the level."""
    icon = read_text(notification, "icon")
    return icon if ICON.fullmatch(icon) else notification.level


def picture_of(notification: Notification) -> str:
    """Return the address of the sender's picture, `data["avatar"]`, if it is on this site; else empty.

    A picture of another host would tell that host who reads what.
    """
    url = followable(read_text(notification, "avatar"))
    return url if url.startswith("/") else ""


def short_time_of(moment: datetime | None) -> str:
    """Return when something was, in few letters: "now", "3m", "5h", "Sun 23:40", "25 Nov", "25 Nov 2024"."""
    if moment is None:
        return ""
    now, then = local(timezone.now()), local(moment)
    seconds = (now - then).total_seconds()
    if seconds < MINUTE_SECONDS:
        return _("now")
    if seconds < HOUR_SECONDS:
        return pgettext("minutes, in a list", "%(count)dm") % {"count": seconds // MINUTE_SECONDS}
    if seconds < DAY_SECONDS:
        return pgettext("hours, in a list", "%(count)dh") % {"count": seconds // HOUR_SECONDS}
    if now.date() - then.date() < timedelta(days=WEEK_DAYS):
        return date_format(then, pgettext("format of a weekday with its time", "D H:i"))
    if now.year == then.year:
        return date_format(then, pgettext("format of a day", "j M"))
    return date_format(then, pgettext("format of a day with its year", "j M Y"))


def day_key_of(moment: datetime | None) -> str:
    """Return the day of a moment where the server is, as 2026-11-25."""
    return "" if moment is None else local(moment).date().isoformat()


def day_name_of(moment: datetime | None) -> str:
    """Return what a day is called: "Today", "Yesterday", "Wednesday 25 November", with the year where it is another."""
    if moment is None:
        return ""
    today, day = local(timezone.now()).date(), local(moment).date()
    return name_day(day, today)


def name_day(day: date, today: date) -> str:
    """Return what a day is called today."""
    if day == today:
        return _("Today")
    if day == today - timedelta(days=1):
        return _("Yesterday")
    if day.year == today.year:
        return date_format(day, pgettext("format of a day's name", "l j F"))
    return date_format(day, pgettext("format of a day's name with its year", "l j F Y"))


def local(moment: datetime) -> datetime:
    """Return a moment in the site's time zone; as it is where the site has no time zones."""
    return timezone.localtime(moment) if timezone.is_aware(moment) else moment

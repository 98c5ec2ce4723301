"""Jobs that died: found by their silence, and shown as stalled.

Asked by every hub, every ten seconds. Guarantees that a job is marked once, whichever process finds it first, and that
one which was only frozen may go on (`sending/jobs.py`). Where the reader has deleted the notification, its end is kept
for as long as that may be taken back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db import router, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from ..conf import settings
from ..models import Level, Notification
from ..models.job import RunningJob

__all__ = ["LOOK_SECONDS", "STALL_SECONDS", "bring_jobs_up_to_date", "is_running", "mark_stalled"]

LOOK_SECONDS: Final = 10.0  # how often each hub asks whether a job has died
STALL_SECONDS: Final = 30.0  # six beats: a database may hang, a machine may be busy
KEEP_SECONDS: Final = (
    240.0  # the end of a job whose notification was deleted, beyond the time in which that can be undone
)
MAX_MARKED: Final = 100  # for each look; the next one finds more


def mark_stalled() -> int:
    """Show as stalled what has not been heard of for `STALL_SECONDS`; return how many. 1 query where nothing is."""
    using = router.db_for_write(Notification)
    running = RunningJob.objects.using(using)
    silent = Q(end__isnull=True, beat_at__lt=Now() - dt.timedelta(seconds=STALL_SECONDS))
    kept = dt.timedelta(seconds=settings.page_undo_seconds + KEEP_SECONDS)
    old = Q(end__isnull=False, beat_at__lt=Now() - kept)
    found = list(running.filter(silent | old).values_list("pk", "end")[:MAX_MARKED])
    if unwanted := [pk for pk, end in found if end is not None]:
        running.filter(old, pk__in=unwanted).delete()
    return sum(mark_stalled_job(using, pk) for pk, end in found if end is None)


def mark_stalled_job(using: str, pk: int) -> bool:
    """Show one job as stalled, unless another process did, or the job was heard of meanwhile."""
    limit = Now() - dt.timedelta(seconds=STALL_SECONDS)
    with transaction.atomic(using=using):
        running = RunningJob.objects.using(using).filter(pk=pk)
        if not running.filter(end__isnull=True, beat_at__lt=limit).update(end=build_stalled_content(), beat_at=Now()):
            return False
        mine = Notification.objects.using(using).filter(pk=pk)
        row = mine.first()
        if row is None:  # deleted; if that is taken back, this is how it returns
            return False
        running.delete()
        if not isinstance(row.data.get("progress"), dict):
            return False
        mine.update(**build_stalled_content(), data=build_stalled_data(row.data), read_at=None)
    return True


def bring_jobs_up_to_date(rows: Iterable[Notification], *, using: str) -> None:
    """Bring unsaved rows that return after a deletion to where their jobs are by now. 2 queries where one has ended.

    The rows of the jobs are locked by the caller.
    """
    by_key = {row.pk: row for row in rows if is_running(row.data)}
    if not by_key:
        return
    ended = RunningJob.objects.using(using).filter(pk__in=by_key, end__isnull=False)
    for pk, end in ended.values_list("pk", "end"):
        row = by_key[pk]
        shown: dict[str, Any] = {"data": build_stalled_data(row.data), **(end or {})}
        for name, value in shown.items():
            setattr(row, name, value)
        row.read_at = None
    ended.delete()


def is_running(data: Mapping[str, Any]) -> bool:
    """Return whether the `data` of a notification shows a job that runs."""
    progress = data.get("progress")
    return isinstance(progress, dict) and progress.get("state") == "running"


def build_stalled_content() -> dict[str, Any]:
    return {
        "body": _("It has not reported for a while. Its process may have ended."),
        "level": Level.WARNING.value,
    }


def build_stalled_data(data: Mapping[str, Any]) -> dict[str, Any]:
    return {**data, "progress": {**data["progress"], "state": "stalled"}}

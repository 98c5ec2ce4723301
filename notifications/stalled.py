"""Jobs that died: found by their silence, and shown as stalled.

Asked by every hub, every ten seconds. Guarantees that a job is marked once, whichever process finds it first, and that one
which was only frozen may go on (`jobs.py`).
"""

from __future__ import annotations

import datetime as dt
from typing import Final

from django.db import router, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from .models import Level, Notification
from .running import RunningJob

__all__ = ["STALL_SECONDS", "mark_stalled"]

STALL_SECONDS: Final = 30.0  # six beats: a database may hang, a machine may be busy
MAX_MARKED: Final = 100  # for each look; the next one finds more


def mark_stalled() -> int:
    """Show as stalled what has not been heard of for `STALL_SECONDS`; return how many. 1 query where nothing is."""
    using = router.db_for_write(Notification)
    running = RunningJob.objects.using(using)
    silent = running.filter(beat_at__lt=Now() - dt.timedelta(seconds=STALL_SECONDS))
    return sum(mark_one(using, pk) for pk in list(silent.values_list("pk", flat=True)[:MAX_MARKED]))


def mark_one(using: str, pk: int) -> bool:
    """Show one job as stalled, unless another process did, or the job was heard of meanwhile."""
    limit = Now() - dt.timedelta(seconds=STALL_SECONDS)
    with transaction.atomic(using=using):
        if not RunningJob.objects.using(using).filter(pk=pk, beat_at__lt=limit).delete()[0]:
            return False
        mine = Notification.objects.using(using).filter(pk=pk)
        row = mine.first()
        if row is None or not isinstance(row.data.get("progress"), dict):
            return False
        data = {**row.data, "progress": {**row.data["progress"], "state": "stalled"}}
        body = _("It has not been heard of for a while. Its process may have ended.")
        mine.update(data=data, body=body, level=Level.WARNING, read_at=None)
    return True

"""Records of running jobs (`sending/jobs.py`), and when each last reported."""

from __future__ import annotations

from django.db import models

__all__ = ["RunningJob"]


class RunningJob(models.Model):
    """One job that has not ended, or whose end nobody could be shown yet. Its key is its notification's.

    No foreign key: with one, every deletion of a notification would ask this table too.
    """

    notification_id = models.BigIntegerField(primary_key=True)
    beat_at = models.DateTimeField(db_index=True)
    # What its end would have shown, where the reader had deleted the notification: they may take that back. As told by
    # `sending/jobs.py`, the fields of the notification; without `data` the job has died.
    end = models.JSONField(null=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.notification_id)

"""Requests that were carried out, by the key that their sender gave them. Written by `sending/idempotency.py` alone."""

from __future__ import annotations

from django.conf import settings as django_settings
from django.db import models
from django.utils import timezone

__all__ = ["SentRequest"]


class SentRequest(models.Model):
    """One request of one user: what it was, and what was answered."""

    user = models.ForeignKey(
        django_settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    key = models.CharField(max_length=255)
    digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    answer = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="livenotif_request_once")]

    def __str__(self) -> str:
        return self.key

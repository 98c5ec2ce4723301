"""The records of what everybody may read: one `PublicTopic` for each topic, where its log stands, and its messages.

They know no user, and no inbox knows them. Written by `public.publish_public()` alone.
"""

from __future__ import annotations

import secrets
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..exceptions import BypassesLog
from .content import MAX_BODY_CHARS, MAX_TITLE_CHARS, MAX_URL_CHARS, DataField, Level
from .validators import validate_data, validate_link, validate_text, validate_title

__all__ = ["PublicMessage", "PublicTopic", "new_epoch"]


def new_epoch() -> int:
    """Return a new epoch, as an inbox has one: 1 to 2^48 - 1."""
    return secrets.randbelow(2**48 - 1) + 1


class PublicTopic(models.Model):
    """Where one public topic's log stands: `modseq` numbers its messages, without a gap, in the order of their commits."""

    name = models.CharField(_("name"), max_length=50, primary_key=True)
    epoch = models.PositiveBigIntegerField(_("epoch"), default=new_epoch)
    modseq = models.PositiveBigIntegerField(_("modseq"), default=0)
    floor = models.PositiveBigIntegerField(
        _("floor"), default=0, help_text=_("Oldest position from which the log can be continued.")
    )

    class Meta:
        verbose_name = _("public topic")
        verbose_name_plural = _("public topics")

    def __str__(self) -> str:
        return self.name


class PublicMessage(models.Model):
    """One thing that everybody was told."""

    topic = models.ForeignKey(
        PublicTopic, on_delete=models.CASCADE, related_name="messages", db_index=False, verbose_name=_("public topic")
    )
    modseq = models.PositiveBigIntegerField(_("modseq"), editable=False)
    level = models.CharField(
        _("level"),
        max_length=10,
        choices=Level.choices,
        default=Level.INFO,
    )
    title = models.CharField(_("title"), max_length=MAX_TITLE_CHARS, validators=[validate_title, validate_text])
    body = models.TextField(_("text"), blank=True, validators=[MaxLengthValidator(MAX_BODY_CHARS), validate_text])
    url = models.CharField(_("link"), max_length=MAX_URL_CHARS, blank=True, validators=[validate_link, validate_text])
    data = DataField(_("data"))
    created_at = models.DateTimeField(_("sent at"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("public message")
        verbose_name_plural = _("public messages")
        ordering = ["topic", "-modseq"]
        constraints = [models.UniqueConstraint(fields=["topic", "modseq"], name="livenotif_public_log")]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        """Refuse what Django's own validation passes over, because it counts as empty."""
        for name in ("body", "url", "data"):
            if getattr(self, name) is None:
                raise ValidationError({name: _("Cannot be None; leave it out or give a value.")}, code="null")
        try:
            validate_data(self.data)
        except ValidationError as error:
            raise ValidationError({"data": error}) from None

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Refuse: a message has its number from its topic, and rings when it is committed."""
        raise BypassesLog(
            "A public message is written by publish_public(topic, title=…), and never changed afterwards."
        )

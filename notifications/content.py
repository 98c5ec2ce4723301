"""What is said, in a notification as in a broadcast: its level, and the fields that staff write."""

from __future__ import annotations

from django.core.validators import MaxLengthValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from .validators import validate_link, validate_text, validate_title

__all__ = ["AbstractContent", "Level"]


class Level(models.TextChoices):
    """How much a notification matters, as shown by its colour and icon."""

    INFO = "info", _("Info")
    SUCCESS = "success", _("Success")
    WARNING = "warning", _("Warning")
    ERROR = "error", _("Error")


class AbstractContent(models.Model):
    """Title, text, link, level and category."""

    category = models.CharField(
        _("category"),
        max_length=50,
        default="general",
        validators=[
            RegexValidator(r"\A[\w.-]+\Z", _("Use letters, digits, “-”, “_” and “.” only, such as “billing”."))
        ],
        help_text=_("A key to filter and mute by, such as “billing”."),
    )
    level = models.CharField(_("level"), max_length=10, choices=Level.choices, default=Level.INFO)
    title = models.CharField(_("title"), max_length=200, validators=[validate_title, validate_text])
    body = models.TextField(_("text"), blank=True, validators=[MaxLengthValidator(4000), validate_text])
    url = models.CharField(
        _("link"),
        max_length=2000,
        blank=True,
        validators=[validate_link, validate_text],
        help_text=_("Opened from the notification: https://…, http://… or a path on this site."),
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.title

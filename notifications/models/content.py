"""The content of a notification or a broadcast: its level, the fields that staff write, and details for programs."""

from __future__ import annotations

import re
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, RegexValidator
from django.db import models
from django.db.models.fields.json import KeyTransform
from django.utils.translation import gettext_lazy as _

from .validators import DATA_MAX_DEPTH, has_depth, validate_data, validate_link, validate_text, validate_title

__all__ = [
    "CONTENT_FIELDS",
    "MAX_ACTOR_CHARS",
    "MAX_BODY_CHARS",
    "MAX_CATEGORY_CHARS",
    "MAX_TITLE_CHARS",
    "MAX_TOPIC_CHARS",
    "MAX_URL_CHARS",
    "AbstractContent",
    "DataField",
    "Level",
]

# What a notification may hold. With `data` that is below the 16 KiB of a change that a doorbell carries (`log/doorbell.py`).
MAX_TITLE_CHARS: Final = 200
MAX_BODY_CHARS: Final = 4000
MAX_URL_CHARS: Final = 2000
MAX_CATEGORY_CHARS: Final = 50
MAX_ACTOR_CHARS: Final = 150
MAX_TOPIC_CHARS: Final = 200


class Level(models.TextChoices):
    """How much a notification matters, as shown by its colour and icon."""

    INFO = "info", _("Info")
    SUCCESS = "success", _("Success")
    WARNING = "warning", _("Warning")
    ERROR = "error", _("Error")


class AbstractContent(models.Model):
    """Title, text, link, level and category, in the order in which staff are asked for them.

    A field that is added here is part of every notification and broadcast, of the admin's forms and the commands' options.
    What spells the fields out, for types and for the wire, is compared with these by `tests/unit/models/test_content.py`.
    """

    title = models.CharField(_("title"), max_length=MAX_TITLE_CHARS, validators=[validate_title, validate_text])
    body = models.TextField(_("text"), blank=True, validators=[MaxLengthValidator(MAX_BODY_CHARS), validate_text])
    url = models.CharField(
        _("link"),
        max_length=MAX_URL_CHARS,
        blank=True,
        validators=[validate_link, validate_text],
        help_text=_("Opened from the notification: https://…, http://… or a path on this site."),
    )
    level = models.CharField(_("level"), max_length=10, choices=Level.choices, default=Level.INFO)
    category = models.CharField(
        _("category"),
        max_length=MAX_CATEGORY_CHARS,
        default="general",
        validators=[
            RegexValidator(r"\A[\w.-]+\Z", _("Use letters, digits, “-”, “_” and “.” only, such as “billing”."))
        ],
        help_text=_("A key to filter and mute by, such as “billing”."),
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.title


CONTENT_FIELDS: Final = tuple(field.name for field in AbstractContent._meta.local_fields)


# What JSON's text can say, and its reader takes, but nobody can write or send: infinite numbers, halves of surrogate pairs.
SUSPECT: Final = re.compile(r"[0-9][eE]|[0-9]{300}|NaN|Infinity|\\u[dD][89a-fA-F]")


class DataField(models.JSONField):
    """An object of JSON, whose readers survive whatever raw SQL or an older version put there: it reads as `{}`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"default": dict, "blank": True, "validators": [validate_data], **kwargs})

    def deconstruct(self) -> Any:
        """Stand in migrations as Django's own field: the column is the same."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """Return what is stored, or nothing where that cannot be read, written again, or taken for an object."""
        try:
            data = super().from_db_value(value, expression, connection)
        except (RecursionError, ValueError):
            return {}
        if isinstance(expression, KeyTransform):  # a part of it
            return data
        if isinstance(value, str) and SUSPECT.search(value):
            try:
                validate_data(data)
            except ValidationError:
                return {}
        may_be_deep = isinstance(value, str) and value.count("{") + value.count("[") > DATA_MAX_DEPTH
        is_good = isinstance(data, dict) and not (may_be_deep and has_depth(data, DATA_MAX_DEPTH + 1))
        return data if is_good else {}

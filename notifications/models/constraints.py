"""A unique constraint that holds on every database, also where there are no conditional indexes (MariaDB, MySQL)."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage
from django.db import models

__all__ = ["UniqueWhereSet"]

NOT_MADE = "models.W036"  # "A constraint won't be created": ours is


class UniqueWhereSet(models.UniqueConstraint):
    """Unique among the rows whose nullable fields are set, by a condition where the database knows conditions.

    The condition only keeps rows with NULL out of the index. Without it they are in there, and are distinct as SQL has it,
    so the constraint means the same.
    """

    def _get_condition_sql(self, model: Any, schema_editor: Any) -> Any:
        if not schema_editor.connection.features.supports_partial_indexes:
            return None
        return super()._get_condition_sql(model, schema_editor)  # type: ignore[misc]

    def check(self, model: Any, connection: Any) -> list[CheckMessage]:
        """Return Django's warnings but the one that does not apply. Called by Django 6."""
        found: list[CheckMessage] = super().check(model, connection)
        return [message for message in found if message.id != NOT_MADE]

    def _check(self, model: Any, connection: Any) -> list[CheckMessage]:
        """Do the same for Django 5."""
        found: list[CheckMessage] = super()._check(model, connection)  # type: ignore[misc]
        return [message for message in found if message.id != NOT_MADE]

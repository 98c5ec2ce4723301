"""Rows that cannot be read.

Raw SQL, an older version or a damaged file may leave values that no driver or converter takes: a time after the year 9999,
bytes that are no UTF-8. One such row must not hide the others, nor keep anybody from deleting it, so it is read column by
column, and what cannot be read is left blank.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any, Final

from django.db import DataError, OperationalError
from django.db.models import DateTimeField

from . import tables

__all__ = ["EPOCH", "UNREADABLE", "blank_of", "is_unreadable", "read_alone"]

logger = logging.getLogger("notifications.log")

# What drivers and converters raise. SQLite's driver has no other word for wrong bytes than for a database that is away.
UNREADABLE: Final = (ValueError, ArithmeticError, DataError, OperationalError)
EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)  # in place of a time that cannot be read


def is_unreadable(error: Exception) -> bool:
    """Return whether a value, and not the database, is why rows could not be read."""
    return not isinstance(error, OperationalError) or "decode" in str(error)


def read_alone(using: str, pk: Any) -> Any:
    """Return one notification as far as it can be read, or None where it was deleted. 1 query; if need be 1 for each column.

    Raises:
        DatabaseError: the database cannot be read at all.
    """
    rows = tables.Notification.objects.using(using).order_by().filter(pk=pk)
    fields = tables.Notification._meta.concrete_fields
    names = [field.attname for field in fields]
    try:
        found = rows.values_list(*names).first()
        return None if found is None else tables.Notification.from_db(using, names, list(found))
    except UNREADABLE as error:
        if not is_unreadable(error):
            raise
    values: list[Any] = []
    for field in fields:
        try:
            one = rows.values_list(field.attname).first()
        except UNREADABLE as error:
            if not is_unreadable(error):
                raise
            logger.warning("Field %s of notification %s cannot be read.", field.name, pk)
            one = (blank_of(field),)
        if one is None:
            return None
        values += one
    return tables.Notification.from_db(using, names, values)


def blank_of(field: Any) -> Any:
    """Return what stands for a value that is there and cannot be read."""
    if isinstance(field, DateTimeField):
        return EPOCH
    return (
        "\N{REPLACEMENT CHARACTER}" if field.get_internal_type() in ("CharField", "TextField") else field.get_default()
    )

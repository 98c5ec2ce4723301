"""Savepoints by hand, by the name that this Django has for making one."""

from __future__ import annotations

from django.db import transaction

__all__ = ["make_savepoint"]

# Django 6.1 calls `savepoint()` so, and warns of the old name
make_savepoint = transaction.savepoint_create if hasattr(transaction, "savepoint_create") else transaction.savepoint

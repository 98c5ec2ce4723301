"""Queries of every thread, where Django's own tools see those of one connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db.backends.utils import CursorWrapper

__all__ = ["counted_queries"]


@contextmanager
def counted_queries() -> Iterator[list[str]]:
    """Note the SQL of every query, whichever thread makes it."""
    queries: list[str] = []
    real = CursorWrapper.execute

    def execute(self: Any, sql: str, params: Any = None) -> Any:
        queries.append(sql)
        return real(self, sql, params)

    with mock.patch.object(CursorWrapper, "execute", execute):
        yield queries

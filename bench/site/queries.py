"""Count the queries of this process, on every connection of every thread."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from django.db.backends.signals import connection_created

_numbers = itertools.count()  # `next()` on it is atomic, `+= 1` on an integer is not


def count_all() -> None:
    """Count from now on, on connections that open from now on."""
    connection_created.connect(_watch, weak=False)


def total() -> int:
    """Return how many queries ran so far; asking counts as none."""
    return int(repr(_numbers)[len("count(") : -1])


def _watch(connection: Any, **_: Any) -> None:
    connection.execute_wrappers.append(_counted)


def _counted(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    next(_numbers)
    return execute(sql, params, many, context)

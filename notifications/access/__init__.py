"""Decide who may follow, and from where: sessions, tokens, a site's own hook, origins, addresses."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["session_or_token", "through_middleware"]


def __getattr__(name: str) -> Any:
    """Return one of these; not before it is asked for, because they need the models."""
    if name in __all__:
        return getattr(import_module(".admission", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

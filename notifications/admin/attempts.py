"""Try a form of the admin again where the database undid it because of another transaction.

Django opens a transaction for each form that is sent. Guarantees that a deadlock or a failed serialization in it does not
reach the person who sent it, within the bounds of `log/attempts.py`; and that this person is told only of what stands: the
messages of an attempt that was undone are dropped with it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin
from django.db import router
from django.http import HttpRequest

from ..log.attempts import attempt

__all__ = ["RepeatableForms"]


class RepeatableForms(admin.ModelAdmin):  # type: ignore[type-arg] # not subscriptable at run time
    """An admin whose forms are tried again."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Show a form, or do what it asks."""
        return self._repeat(request, partial(super().changeform_view, request, object_id, form_url, extra_context))

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        """Ask whether to delete, or delete."""
        return self._repeat(request, partial(super().delete_view, request, object_id, extra_context))

    def message_user(self, request: HttpRequest, *arguments: Any, **options: Any) -> None:
        """Tell this person something: at once, or when what it tells of stands."""
        tell = partial(super().message_user, request, *arguments, **options)
        waiting: list[Callable[[], None]] | None = getattr(request, "waiting_messages", None)
        if waiting is None:
            tell()
        else:
            waiting.append(tell)

    def _repeat(self, request: Any, write: Callable[[], Any]) -> Any:
        def begin() -> Any:
            request.waiting_messages = []
            return write()

        waiting: list[Callable[[], None]] = []
        try:
            response = attempt(router.db_for_write(self.model), begin)
            waiting = request.waiting_messages
        finally:
            request.waiting_messages = None
        for tell in waiting:
            tell()
        return response

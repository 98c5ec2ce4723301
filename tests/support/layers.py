"""A channel layer for tests of the doorbell: it takes what it is sent, raises or hangs as told."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

__all__ = ["Layer"]


class Layer:
    """A channel layer that keeps what it is sent, raises or hangs as told."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.groups: set[str] = set()
        self.threads: set[str] = set()
        self.error: Exception | None = None
        self.gate = threading.Event()  # where a hanging layer waits
        self.gate.set()
        self.is_asked = threading.Event()

    async def group_send(self, group: str, content: dict[str, Any]) -> None:
        self.threads.add(threading.current_thread().name)
        self.is_asked.set()
        while not self.gate.is_set():  # noqa: ASYNC110 - opened from another thread
            await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        self.groups.add(group)
        self.sent.append(content)

    @property
    def numbers(self) -> list[int]:
        return [change["modseq"] for content in self.sent for change in content["changes"]]

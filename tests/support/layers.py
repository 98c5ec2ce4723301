"""Channel layers for tests: one takes what it is sent, raises or hangs as told; one reaches no other process."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from channels.layers import InMemoryChannelLayer

__all__ = ["Layer", "LayerOfOne"]


class LayerOfOne:
    """A layer in the memory of its process, which nobody can see by its class."""

    def __init__(self, **config: Any) -> None:
        self._inner = InMemoryChannelLayer(**config)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


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

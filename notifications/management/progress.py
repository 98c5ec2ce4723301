"""A progress bar on one line of a terminal; anywhere else it writes nothing.

[############------------]  48 %  482,000 of 1,000,000  21,300/s  24 s left
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Final, Self

from django.core.management.base import OutputWrapper

__all__ = ["Progress"]

WIDTH: Final = 24
REDRAW_SECONDS: Final = 0.1
CLEAR_LINE: Final = "\r\x1b[K"


class Progress:
    """Counts towards a total. In a `with` block; the line is cleared at the end."""

    def __init__(self, out: OutputWrapper, total: int, *, is_shown: bool = True) -> None:
        self.done = 0
        self._out = out
        self._total = max(total, 1)
        self._is_shown = is_shown and out.isatty()
        self._began = time.monotonic()
        self._drawn = -REDRAW_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_shown:
            self._out.write(CLEAR_LINE, ending="")
            self._out.flush()

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self._began

    def add(self, count: int) -> None:
        """Note that so many more are done."""
        self.done += count
        if self._is_shown and self.seconds - self._drawn >= REDRAW_SECONDS:
            self._drawn = self.seconds
            self._out.write(CLEAR_LINE + self.line(), ending="")
            self._out.flush()

    def say(self, text: str) -> None:
        """Write a line of its own; the bar goes on below."""
        self._out.write((CLEAR_LINE if self._is_shown else "") + text)

    def line(self) -> str:
        """Return the bar as it stands."""
        share = min(self.done / self._total, 1)
        speed = self.done / max(self.seconds, 1e-6)
        left = max(self._total - self.done, 0) / max(speed, 1e-6)
        bar = ("#" * int(share * WIDTH)).ljust(WIDTH, "-")
        rest = f"{left:.0f} s left" if self.done else ""
        return f"[{bar}] {share:4.0%}  {self.done:,} of {self._total:,}  {speed:,.0f}/s  {rest}"

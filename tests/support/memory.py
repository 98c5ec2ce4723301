"""How much memory a process has for itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from .servers import Server

__all__ = ["pss_of"]

PSS: Final = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


def pss_of(server: Server) -> int:
    """Return the memory that is a process's own, shared pages in proportion, in bytes."""
    match = PSS.search(Path(f"/proc/{server.process.pid}/smaps_rollup").read_text())
    assert match
    return int(match[1]) * 1024

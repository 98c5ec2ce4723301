"""How much memory a process has for itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from .servers import Server

__all__ = ["memory_of"]

ANONYMOUS: Final = re.compile(r"^Pss_Anon:\s+(\d+) kB", re.MULTILINE)


def memory_of(server: Server) -> int:
    """Return the memory that a process has for itself, in bytes.

    Mapped files are left out: a process's share of a library grows when another one that has it mapped ends.
    """
    match = ANONYMOUS.search(Path(f"/proc/{server.process.pid}/smaps_rollup").read_text())
    assert match
    return int(match[1]) * 1024

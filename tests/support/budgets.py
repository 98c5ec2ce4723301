"""What scripts and styles take on the wire, and whose fault it is where they take too much."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Final

import pytest

from scripts import build_scripts

__all__ = ["expect_within", "size_of"]

KB: Final = 1000


def size_of(name: str) -> int:
    """Return what a file takes on the wire."""
    return len(gzip.compress((build_scripts.BUILT / name).read_bytes(), 9))


def expect_within(sizes: dict[str, int], most: float, what: str, folder: Path) -> None:
    """Check a sum of sizes; where it is too much, say which files and which of their sources are the largest."""
    total = sum(sizes.values())
    if total <= most * KB:
        return
    _changed, made = build_scripts.build(folder)
    largest = build_scripts.describe(folder, {name: made[name] for name in sizes if name in made})
    pytest.fail(f"{what}: {total / KB:.1f} KB, {most} at most\n" + "\n".join(sorted(largest, reverse=True)))

"""What a page loads stays small: counted as it is served, unminified."""

from __future__ import annotations

from pathlib import Path

import pytest

import notifications

STATIC = Path(notifications.__file__).parent / "static" / "notifications"

LIMITS = {"js": 35, "css": 15}  # KiB


@pytest.mark.parametrize("kind", LIMITS)
def test_files_are_small(kind: str) -> None:
    """All modules of bell, list and toasts together, and all styles; the admin's are in a folder of their own."""
    sizes = {path.name: path.stat().st_size for path in STATIC.glob(f"*.{kind}")}
    assert sum(sizes.values()) <= LIMITS[kind] * 1024, sizes

"""What a page loads stays small: counted as it is served, unminified."""

from __future__ import annotations

from pathlib import Path

import notifications

STATIC = Path(notifications.__file__).parent / "static" / "notifications"
MOST_STYLE_BYTES = 15 * 1024


def test_styles_are_small() -> None:
    """All styles of bell, list and toasts together; the admin's are its own."""
    sizes = {path.name: path.stat().st_size for path in STATIC.glob("*.css")}
    assert sum(sizes.values()) <= MOST_STYLE_BYTES, sizes

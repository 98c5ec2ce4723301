"""The pictures in the documentation: of every state, and small. `make screenshots` takes them."""

from __future__ import annotations

from scripts.screenshots import IMAGES, OTHER_PICTURES, PAGE, SHEETS, expected_names, section, sheet_lines
from tests.support.states import STATES

MOST_BYTES = 4_000_000


def test_every_state_has_its_pictures() -> None:
    """The folder holds sixty pictures with a name, the sheets, and nothing else, and the page shows each state."""
    assert len(expected_names()) - len(SHEETS) == 60
    assert {path.name for path in IMAGES.iterdir()} == expected_names(), "Run `make screenshots`."
    page = PAGE.read_text()
    assert [state.name for state in STATES if section(state) not in page] == [], "Run `make screenshots`."
    assert "\n".join(sheet_lines()) in page, "Run `make screenshots`."


def test_the_other_pictures_are_shown() -> None:
    """What no state has stands on a page that is written by hand."""
    pages = "".join(path.read_text() for path in PAGE.parent.rglob("*.md"))
    assert [name for name in OTHER_PICTURES if f"images/{name}" not in pages] == []


def test_pictures_are_small() -> None:
    """Whoever clones the project does not wait for them."""
    assert sum(path.stat().st_size for path in IMAGES.iterdir()) < MOST_BYTES

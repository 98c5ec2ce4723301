"""The pictures in the documentation: of every state, and small. `make screenshots` takes them."""

from __future__ import annotations

from scripts.screenshots import IMAGES, PAGE, looks_of, path_of, section
from tests.support.states import STATES

MOST_BYTES = 3_000_000


def test_every_state_has_its_pictures() -> None:
    """The folder holds the pictures of all states and nothing else, and the page shows each of them."""
    expected = {path_of(state, look).name for state in STATES for look in looks_of(state)}
    assert {path.name for path in IMAGES.iterdir()} == expected, "Run `make screenshots`."
    page = PAGE.read_text()
    assert [state.name for state in STATES if section(state) not in page] == [], "Run `make screenshots`."


def test_pictures_are_small() -> None:
    """Whoever clones the project does not wait for them."""
    assert sum(path.stat().st_size for path in IMAGES.iterdir()) < MOST_BYTES

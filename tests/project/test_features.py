"""The table of features names tests that exist."""

import re

import pytest

from tests.support.shell import ROOT

CITED = sorted(
    set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "docs" / "explanation" / "features.md").read_text()))
)


@pytest.mark.parametrize(("path", "name"), CITED)
def test_a_cited_test_exists(path: str, name: str) -> None:
    """What is said to be shown by a test is."""
    assert re.search(rf"^(?:async )?def {name}\b" if name else "^", (ROOT / path).read_text(), re.MULTILINE)

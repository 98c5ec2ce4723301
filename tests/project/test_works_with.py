"""docs/reference/works-with.md: every line is shown by a test that there is, and every host project has a line."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

from tests.support.shell import ROOT

PAGE: Final = (ROOT / "docs" / "reference" / "works-with.md").read_text()
LINE: Final = re.compile(r"^\| (?!\|)([^|]+) \|([^|]*)\| ([^|]+) \|$", re.MULTILINE)
UNSEEN: Final = "not tried"
MOST_REFUSED: Final = 3


def lines() -> list[tuple[str, str, str]]:
    """Return what each line of the tables says: what, how, and the test."""
    return [(what, how.strip(), test) for what, how, test in LINE.findall(PAGE) if not what.startswith("---")]


def names_in(path: Path) -> list[str]:
    """Return the names of a file's tests as pytest is told them."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node.name for node in ast.parse(path.read_text()).body if isinstance(node, functions)]
    return [f"{path.relative_to(ROOT)}::{name}" for name in found if name.startswith("test_")]


def test_every_line_names_a_test_that_there_is() -> None:
    """Or says that nobody has tried it."""
    assert len(lines()) > 30
    for what, how, test in lines():
        if how == UNSEEN:
            assert test == "–", what
            continue
        name = test.strip("`")
        assert name in names_in(ROOT / name.partition("::")[0]), what


def test_every_host_project_has_a_line() -> None:
    """What a test builds is said to work."""
    shown = {test.strip("`") for _what, _how, test in lines()}
    built = {name for path in sorted((ROOT / "tests" / "hosts").glob("test_*.py")) for name in names_in(path)}
    assert built - shown == {"tests/hosts/test_five_steps.py::test_the_wheel_holds_all_that_is_needed"}


def test_few_things_are_refused() -> None:
    """Each with the remedy of a system check."""
    refused = [how for _what, how, _test in lines() if how.startswith("**no**")]
    assert 0 < len(refused) <= MOST_REFUSED


def test_no_page_prints_a_package_that_nobody_has_registered() -> None:
    """Anyone could register it. Until a release all pages install from a clone, and name what else there is."""
    texts = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "notifications").rglob("*.py")]
    (name,) = re.findall(r'^name = "(\S+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    for path in texts:
        assert name not in path.read_text(), path
    said = re.findall(
        r"pip install '?([a-zA-Z][\w.-]*)(?:\[\w+\])?((?: [a-zA-Z][\w.-]*)*)", "\n".join(map(Path.read_text, texts))
    )
    printed = {each for first, more in said for each in (first, *more.split())}
    listed = "\n".join(path.read_text() for path in ROOT.glob("requirements*.txt"))
    installed = set(re.findall(r"^([a-zA-Z][\w.-]*)(?:\[\w+\])?==", listed, re.MULTILINE))
    assert {name.lower() for name in printed} <= {name.lower() for name in installed}
    assert "django-ninja" in printed

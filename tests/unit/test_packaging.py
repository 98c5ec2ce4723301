"""What the code imports is what its packaging promises: a fresh installation starts."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def canonical(name: str) -> str:
    """Return a distribution's name as indexes compare them."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", name.strip())[0]).lower()


def imported(folder: str) -> Iterator[str]:
    """Yield the top-level packages that the modules of a folder import, anywhere in them."""
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                yield node.module.split(".")[0]


def needed(folder: str) -> set[str]:
    """Return the distributions that a folder's modules need."""
    own = {"notifications", "notifyproj", *sys.stdlib_module_names}
    distributions = packages_distributions()
    return {canonical(distributions[name][0]) for name in set(imported(folder)) - own}


def required(name: str) -> set[str]:
    """Return the distributions in a requirements file."""
    lines = (ROOT / name).read_text().splitlines()
    return {canonical(line) for line in lines if line.strip() and not line.startswith(("#", "-"))}


def test_the_app_names_what_it_imports() -> None:
    """The wheel's dependencies are all that the app imports; asgiref comes with Django, and is Django's own."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert needed("notifications") - {"asgiref"} == set(map(canonical, project["dependencies"]))


@pytest.mark.parametrize("folder", ["notifications", "notifyproj"])
def test_the_requirements_name_what_the_site_imports(folder: str) -> None:
    """`make run` installs everything that the site and the app import."""
    assert needed(folder) - {"asgiref"} <= required("requirements.txt")

"""The house: which room may use which, read from the imports, those inside functions too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import notifications

FOLDER = Path(notifications.__file__).parent
# From the ground up. Whoever stands higher may import what stands lower, never the other way round.
FLOORS = (
    "exceptions",
    "conf",
    "protocol",
    "log",
    "models",
    "access",
    "hub",
    "broadcasts",
    "sending",
    "reading",
    "operations",
    "integrations",
    "endpoints",
    "pages",
    "api",
    "admin",
    "templatetags",
    "urls",
    "signals",
    "asgi",
    "testing",
    "pytest_plugin",
    "checks",
    "management",
    "apps",
)
MODULES = sorted(path for path in FOLDER.rglob("*.py") if "migrations" not in path.parts)


def room_of(path: Path) -> str:
    """Return the folder or file at the top of the app in which a module is."""
    return path.relative_to(FOLDER).parts[0].removesuffix(".py")


def is_for_types(node: ast.AST) -> bool:
    """Return whether this is `if TYPE_CHECKING:`, which is never run."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imports_of(tree: ast.AST, package: list[str]) -> Iterator[str]:
    """Yield the dotted name of everything that a module of this package imports when it runs."""
    for node in ast.iter_child_nodes(tree):
        if is_for_types(node):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)
        yield from imports_of(node, package)


def imports_in(path: Path) -> list[str]:
    """Return what a module of the app imports."""
    package = ["notifications", *path.relative_to(FOLDER).parts[:-1]]
    return list(imports_of(ast.parse(path.read_text()), package))


def rooms_in(names: list[str]) -> set[str]:
    """Return the rooms of the app among imported names."""
    return {name.split(".")[1] for name in names if name.startswith("notifications.")}


def test_every_room_has_a_floor() -> None:
    """A new folder or file at the top takes its place in the order above."""
    assert {room_of(path) for path in MODULES} - {"__init__"} == set(FLOORS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_no_arrow_runs_up(path: Path) -> None:
    """A module imports its own room and what stands below."""
    own = room_of(path)
    height = len(FLOORS) if own == "__init__" else FLOORS.index(own)
    above = {room for room in rooms_in(imports_in(path)) - {own} if room in FLOORS and FLOORS.index(room) >= height}
    assert above == set()


@pytest.mark.parametrize("path", sorted((FOLDER / "protocol").glob("*.py")), ids=lambda path: path.stem)
def test_the_protocol_is_pure(path: Path) -> None:
    """What goes over the wire knows neither Django nor anything else of the app but the base of its errors."""
    names = imports_in(path)
    assert [name for name in names if name.split(".")[0] == "django"] == []
    assert rooms_in(names) <= {"protocol", "exceptions"}


def test_an_arrow_would_be_seen() -> None:
    """The reading above finds relative, absolute and late imports, and passes over those for types."""
    code = """
from ..hub import Hub
import notifications.api
def late():
    from notifications.admin import site
if TYPE_CHECKING:
    from ..models import Inbox
"""
    found = list(imports_of(ast.parse(code), ["notifications", "log"]))
    assert found == ["notifications.hub.Hub", "notifications.api", "notifications.admin.site"]


def test_unit_tests_are_where_one_looks() -> None:
    """`unit/<package>/test_<module>.py`, or `test_<module>_<aspect>.py`; what is about a whole package bears its name."""
    unit = FOLDER.parent / "tests" / "unit"
    lost = []
    for path in unit.rglob("test_*.py"):
        room = FOLDER / path.parent.relative_to(unit)
        names = {*(each.stem for each in room.glob("*.py")), room.name} - {"__init__"}
        words = path.stem.split("_")[1:]
        if not names & {"_".join(words[:count]) for count in range(1, len(words) + 1)}:
            lost.append(str(path.relative_to(unit)))
    assert lost == []

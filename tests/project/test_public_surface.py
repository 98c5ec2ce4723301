"""What may be imported: every module names its public surface, and the names are there."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
from pathlib import Path

import pytest

import notifications

FOLDER = Path(notifications.__file__).parent
# Django finds these by their place and asks for fixed names; nobody imports from them.
FOUND_BY_DJANGO = {"apps.py", "urls.py", "admin", "management/commands", "migrations", "templatetags"}
MODULES = sorted(
    ".".join(path.relative_to(FOLDER).with_suffix("").parts).removesuffix(".__init__")
    for path in FOLDER.rglob("*.py")
    if path.parent != FOLDER or path.stem != "__init__"
    if not any(str(path.relative_to(FOLDER)).startswith(place) for place in FOUND_BY_DJANGO)
    if len(ast.parse(path.read_text()).body) > 1  # a folder's own file may say what the folder is for, and hold nothing
)


@functools.cache
def imported_names() -> dict[str, set[str]]:
    """Return, for each module, the names that its sisters import from it."""
    found: dict[str, set[str]] = {}
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.level:
                package = path.relative_to(FOLDER).parts[: -node.level]
                module = FOLDER.joinpath(*package, *node.module.split("."))
                names = {alias.name for alias in node.names if not is_module(module / alias.name)}
                found.setdefault(".".join([*package, node.module]), set()).update(names)
    return found


def is_module(path: Path) -> bool:
    """Return whether this is a module or a folder of them, named without its suffix."""
    return path.with_suffix(".py").is_file() or path.is_dir()


@pytest.mark.parametrize("name", MODULES)
def test_all_names_what_is_there(name: str) -> None:
    """`__all__` is a sorted list of names that the module has, each once."""
    module = importlib.import_module(f"notifications.{name}")
    names = module.__all__
    assert isinstance(names, list)
    assert len(set(names)) == len(names)
    assert names == sorted(names, key=lambda word: (not word.isupper(), word[0].islower(), word))
    assert [word for word in names if not hasattr(module, word)] == []


@pytest.mark.parametrize("name", MODULES)
def test_all_names_what_others_use(name: str) -> None:
    """What another module of the app imports from here is public, and so is listed."""
    used = imported_names().get(name, set())
    assert sorted(used - set(importlib.import_module(f"notifications.{name}").__all__)) == []


@pytest.mark.parametrize("name", MODULES)
def test_every_public_thing_says_what_it_is(name: str) -> None:
    """A function or class of the surface has a docstring; so has the module."""
    module = importlib.import_module(f"notifications.{name}")
    assert module.__doc__
    for word in module.__all__:
        thing = getattr(module, word)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert thing.__doc__, f"{name}.{word}"


def test_the_app_imports_nothing_from_the_site() -> None:
    """`notifications` works without `notifyproj`."""
    for path in FOLDER.rglob("*.py"):
        assert "notifyproj" not in path.read_text(), path

"""What may be imported: every module names its public surface, and the names are there."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, assert_type

import pytest
from django.core.management import get_commands
from django.dispatch import Signal

import notifications
from notifications import Level, is_online, lock_inbox, notify, publish_public, track
from notifications.conf import Setting, Settings
from notifications.models import Notification, PublicMessage
from tests.support.shell import ROOT

REFERENCE = ROOT / "docs" / "reference"
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


@pytest.mark.parametrize("name", notifications.__all__)
def test_the_package_has_what_a_site_calls(name: str) -> None:
    """Each public name can be imported from the package, is called the same at home, and says what it is."""
    thing = getattr(notifications, name)
    assert getattr(thing, "__name__", name) == name
    assert inspect.getdoc(thing)
    assert inspect.getdoc(thing) != inspect.getdoc(Signal)


def test_the_package_lists_its_names() -> None:
    """`__all__` is sorted, `dir()` has it, and what type checkers are told is what happens when the code runs."""
    assert notifications.__all__ == sorted(notifications.__all__)
    assert set(notifications.__all__) <= set(dir(notifications))
    tree = ast.parse((FOLDER / "__init__.py").read_text())
    typed = {
        alias.asname: f".{node.module}"
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == notifications.HOME_OF
    assert set(typed) == set(notifications.__all__)


def test_the_package_hides_no_module() -> None:
    """No public name is also the name of a module, which would take its place once it is imported."""
    assert {path.stem for path in FOLDER.iterdir()} & set(notifications.__all__) == set()


def test_an_unknown_name_says_where_to_look() -> None:
    """A name that the package does not have is named, with where its names are. Type checkers know it as well."""
    with pytest.raises(AttributeError, match=r"'notfy'; dir\(notifications\) and docs/reference/python\.md"):
        _ = notifications.notfy  # type: ignore[attr-defined]


def test_importing_the_package_loads_nothing() -> None:
    """Django may import the package before there are settings or models."""
    code = "import sys, notifications; print([name for name in sys.modules if name.split('.')[0] == 'django'])"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_type_checkers_see_what_the_package_has() -> None:
    """mypy, which reads this file in `make lint`, knows what each returns."""

    def calls(user: Any) -> None:
        assert_type(notify(user, title="News"), Notification)
        assert_type(is_online(user), bool)
        assert_type(lock_inbox(user), None)
        assert_type(publish_public("status", title="News"), PublicMessage)
        with track(user, title="News") as job:
            assert_type(job, notifications.Job)

    assert callable(calls)
    assert Level.INFO.value == "info"


def test_the_reference_lists_what_the_package_has() -> None:
    """Each public name has a row in the page on Python and a section that describes it, and nothing else has."""
    page = (REFERENCE / "python.md").read_text()
    table = page.partition("## Names of `notifications`\n")[2].partition("\n## ")[0]
    cells = [
        span for cell in re.findall(r"^\| (`.+?) \| ", table, re.MULTILINE) for span in re.findall(r"`(.+?)`", cell)
    ]
    assert sorted(re.split(r"\W", cell)[0] for cell in cells) == notifications.__all__
    titles = re.findall(r"^### (.+)$", page.partition("<!-- python -->")[2], re.MULTILINE)
    assert sorted(name for title in titles for name in re.findall(r"`(\w+)`", title)) == notifications.__all__


def test_every_setting_is_documented() -> None:
    """Each setting says what it means in its comment, from which its row in the reference is made."""
    page = (REFERENCE / "settings.md").read_text()
    rows = dict(re.findall(r"^\| `(NOTIFICATIONS_\w+)` \| .+? \| (.*) \|$", page, re.MULTILINE))
    names = {each.name for each in vars(Settings).values() if isinstance(each, Setting)}
    assert rows.keys() == names
    assert [name for name, meaning in rows.items() if len(meaning) < 10] == []


def test_every_command_is_documented() -> None:
    """Each management command says what it does, and so does each argument of its own."""
    page = (REFERENCE / "commands.md").read_text()
    sections = dict(re.findall(r"^## `(\w+)`\n\n(.*)$", page, re.MULTILINE))
    assert {name for name, app in get_commands().items() if app == "notifications"} == sections.keys()
    assert [name for name, text in sections.items() if len(text) < 20] == []
    assert re.findall(r"^\| `.+` \| +\|$", page, re.MULTILINE) == []


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

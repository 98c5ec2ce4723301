"""Names of files and modules in docstrings, comments and documents: each of them exists.

A module that moves leaves its old name behind in sentences, where no import fails. Here they are looked up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Final

from tests.support.shell import ROOT

MADE: Final = {ROOT / name for name in ("node_modules", "site", "build", "dist", "staticfiles", "htmlcov")}


def walk(folder: Path) -> Iterator[Path]:
    """Yield the files that belong to the project: nothing that is installed, built or hidden, but `.github`."""
    for path in sorted(folder.iterdir()):
        if path in MADE or path.name == "__pycache__" or (path.name[0] == "." and path.name not in (".github", ".ci")):
            continue
        if path.is_dir():
            yield from walk(path)
        else:
            yield path


FILES: Final = frozenset(path.relative_to(ROOT).as_posix() for path in walk(ROOT))
FOLDERS: Final = frozenset(str(parent) for path in FILES for parent in PurePosixPath(path).parents)
APP: Final = "notifications/"
READ: Final = (".py", ".md", ".js", ".ts", ".html", ".css", ".toml", ".yml", ".txt", ".conf", ".sh", "Makefile")
ENDINGS: Final = "py|js|mjs|ts|html|css|md|toml|txt|svg|sh|cfg|po"
FILE: Final = re.compile(rf"`((?:[\w@-]+/)*[\w@-]+(?:\.[\w-]+)*\.(?:{ENDINGS}))(?:::\w+)?`")
FOLDER: Final = re.compile(r"`((?:[a-z_]\w*/)+)`")
MODULE: Final = re.compile(r"(?<![\w./\"'-])notifications(?:\.[A-Za-z_]\w*)+(?![\w/-])")
MEMBER: Final = re.compile(r"`([a-z_]+)\.[A-Z]\w+(?:\(\))?`")
FENCE: Final = re.compile(r"^( *)```python\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
IMPORT: Final = re.compile(r"^ *from (notifications[\w.]*) import ([\w, ]+)", re.MULTILINE)
# Files of a host project, which the documentation makes up; and what `make` writes.
MADE_UP: Final = ("alerts/", "mysite/", "orders/", "yoursite/", "shop/", "wording/", "site/")
ALLOWED: Final = {
    "admin/date_hierarchy.html",  # Django's
    "cookies.txt",  # curl's, in an example
    "utils.py",  # what the style guide forbids
}
FILES_OF_OURS: Final = (".css", ".js", ".mo", ".po")  # notifications.css is no module
# Keys of a browser's storage, whose names the script puts together; and layers of our styles.
OTHERS: Final = {
    "notifications.toasts",
    "notifications.desktop",
    "notifications.sound",
    "notifications.shortcuts",
    "notifications.base",
    "notifications.parts",
    "notifications.notfy",  # a slip that a test makes on purpose
}


def texts(*endings: str) -> Iterator[tuple[str, str]]:
    """Yield each file whose words somebody reads, with its text."""
    for name in sorted(FILES):
        if name.endswith(endings or READ):
            yield name, (ROOT / name).read_text()


def is_there(name: str, among: frozenset[str], *, reader: str) -> bool:
    """Say whether a path has this name, or whether it begins in a project that the documentation makes up.

    In the app's own files a name is one of their own folder, of the app or of the repository: `messages.py` there is not
    `scripts/messages.py`. Elsewhere it may be the end of any path.
    """
    if name.startswith(MADE_UP) or name in ALLOWED:
        return True
    if reader.startswith(APP):
        folder = PurePosixPath(reader).parent
        starts = ("", APP, f"{APP}frontend/", f"{APP}static/", f"{APP}templates/", f"{folder}/")
        return any(f"{start}{name}" in among for start in starts)
    return any(path == name or path.endswith(f"/{name}") for path in among)


def resolves(name: str) -> bool:
    """Say whether a dotted name leads to a module or to what it holds."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def test_every_named_file_exists() -> None:
    """`hub/listener.py` in a sentence is a file."""
    missing = {
        f"{reader}: {name}"
        for reader, text in texts()
        for name in FILE.findall(text)
        if not is_there(name, FILES, reader=reader)
    }
    assert sorted(missing) == []


def test_every_named_folder_exists() -> None:
    """`notifications/hub/` is a folder wherever it is named, and so is `hub/` in the app's own sentences."""
    missing = {
        f"{reader}: {name}"
        for reader, text in texts()
        for name in FOLDER.findall(text)
        if (reader.startswith("notifications/") or name.startswith(("notifications/", "tests/", "docs/")))
        and not is_there(name.rstrip("/"), FOLDERS, reader=reader)
    }
    assert sorted(missing) == []


def test_every_named_module_exists() -> None:
    """`notifications.hub.presence` leads somewhere. Names that the code holds as text (loggers, permissions) are others."""
    code = "".join(text for _name, text in texts(".py", ".js"))
    named = {
        (reader, name) for reader, text in texts() for name in MODULE.findall(text) if not name.endswith(FILES_OF_OURS)
    }
    wrong = {
        f"{reader}: {name}"
        for reader, name in named
        if name not in OTHERS and f'"{name}"' not in code and f"'{name}'" not in code and not resolves(name)
    }
    assert sorted(wrong) == []


def test_every_class_is_named_with_a_module_that_exists() -> None:
    """`models.Inbox` is in a module of ours, or of a package that is installed."""
    modules = {PurePosixPath(path).stem for path in FILES} | {PurePosixPath(path).name for path in FOLDERS}
    wrong = {
        f"{reader}: {module}"
        for reader, text in texts(".py", ".md")
        for module in MEMBER.findall(text)
        if module not in modules and find_spec(module) is None
    }
    assert sorted(wrong) == []


def test_every_import_of_the_documentation_works() -> None:
    """Each block of Python imports from us only what is there."""
    wrong = [
        f"{reader}: from {module} import {name}"
        for reader, text in texts(".md")
        for _indent, block in FENCE.findall(text)
        for module, names in IMPORT.findall(block)
        for name in re.split(r"\s*,\s*", names.strip())
        if not resolves(f"{module}.{name}")
    ]
    assert wrong == []


def test_a_file_of_another_folder_is_not_meant() -> None:
    """In the app, `messages.py` is not `scripts/messages.py`, which a docstring passed for once."""
    assert not is_there("messages.py", FILES, reader="notifications/endpoints/websocket.py")
    assert is_there("messages.py", FILES, reader="CONTRIBUTING.md")
    assert is_there("admit.py", FILES, reader="notifications/endpoints/websocket.py")
    assert is_there("hub/listener.py", FILES, reader="notifications/endpoints/websocket.py")

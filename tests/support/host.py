"""A host project: what `django-admin startproject` makes, with the app installed into it from a wheel.

Receives a folder. Guarantees that nothing of this repository is on the project's path but what the wheel holds, and that
the steps of the README are applied as they stand there.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Final

from .processes import Process, free_port
from .servers import SITE_VARIABLES
from .shell import ROOT

__all__ = ["PYTHON", "Host", "install", "link", "read_steps"]

PYTHON: Final = sys.executable
BUILD_SECONDS: Final = 180.0
SOURCES: Final = ("pyproject.toml", "README.md", "LICENSE", "notifications")
BLOCK: Final = re.compile(r"<!-- (step \d|run) -->\n```(\w+)\n(.*?)```\n", re.DOTALL)


def read_steps(text: str) -> dict[str, str]:
    """Return the code of `step 1` to `step 5` and of `run`, as a reader copies it out of the README."""
    return {name: code for name, _language, code in BLOCK.findall(text)}


def install(folder: Path) -> Path:
    """Build the wheel and install it, alone, into a folder; return that folder. Leaves no build files in the sources."""
    sources, wheels, target = folder / "sources", folder / "wheels", folder / "installed"
    sources.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, sources)
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check"]
    finish([*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels, sources], seconds=BUILD_SECONDS)
    (wheel,) = wheels.glob("*.whl")
    finish([*pip, "install", "--no-deps", "--no-index", "--target", target, wheel], seconds=BUILD_SECONDS)
    return target


def link(folder: Path) -> Path:
    """Make a folder through which a host finds the app as it stands in this repository, and nothing else of it."""
    folder.mkdir()
    (folder / "notifications").symlink_to(ROOT / "notifications")
    return folder


def finish(
    command: list[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path | None = None, seconds: float = 60.0
) -> str:
    """Run a program to its end; return what it wrote.

    Raises:
        AssertionError: its exit code was not 0.
    """
    with Process(command, env=env, cwd=cwd) as process:
        code = process.wait(seconds=seconds)
        assert code == 0, process.tail
        return process.log


class Host:
    """A fresh project `mysite` that finds the app where it was installed, and SQLite as startproject sets it up."""

    def __init__(self, folder: Path, installed: Path) -> None:
        self.folder = folder
        self.env = {name: value for name, value in os.environ.items() if name not in SITE_VARIABLES}
        self.env |= {
            "DJANGO_SETTINGS_MODULE": "mysite.settings",
            "PYTHONPATH": str(installed),
            "PYTHONUNBUFFERED": "1",
        }
        finish(
            [PYTHON, "-m", "django", "startproject", "mysite", folder], env={**os.environ, "DJANGO_SETTINGS_MODULE": ""}
        )

    def copy_to(self, folder: Path) -> Host:
        """Return a project like this one in another folder."""
        twin = copy(self)
        twin.folder = shutil.copytree(self.folder, folder)
        return twin

    def append(self, name: str, code: str) -> None:
        """Add code at the end of a file of the project, or make the file of it."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(f"\n{code}")

    def manage(self, *arguments: str) -> str:
        """Run a management command to its end; return what it wrote."""
        return finish([PYTHON, "manage.py", *arguments], env=self.env, cwd=self.folder)

    def run(self, code: str) -> list[str]:
        """Run code in a process of its own; return the lines that it printed."""
        return self.manage("shell", "--no-imports", "-c", code).splitlines()

    @contextmanager
    def runserver(self) -> Iterator[tuple[Process, str]]:
        """Run `manage.py runserver` until the block ends; yield it and its address."""
        port = free_port()
        command = [PYTHON, "manage.py", "runserver", f"127.0.0.1:{port}"]
        with Process(command, name="runserver of a host", env=self.env, cwd=self.folder) as process:
            process.wait_for_port(port)
            yield process, f"http://127.0.0.1:{port}"

"""What the code imports is what its packaging promises: a fresh installation starts."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COME_ALONG = {"asgiref", "pydantic", "pydantic-core", "pytest"}  # with Django, django-ninja and pytest-django


def canonical(name: str) -> str:
    """Return a distribution's name as indexes compare them."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", name.strip())[0]).lower()


def imported(folder: str) -> Iterator[str]:
    """Yield the top-level packages that the modules of a folder import, anywhere in them."""
    for path in (ROOT / folder).rglob("*.py"):
        yield from imported_by(path)


def imported_by(path: Path) -> Iterator[str]:
    """Yield the top-level packages that one module imports."""
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


def pinned(*names: str) -> dict[str, str]:
    """Return the versions that these files pin, by name."""
    lines = (line for name in names for line in (ROOT / name).read_text().splitlines())
    found = (re.match(r"([\w.-]+)(?:\[\w+\])?==([^\s;]+)", line) for line in lines)
    return {canonical(match[1]): match[2] for match in found if match}


def test_hashes_are_of_what_is_pinned() -> None:
    """constraints-hashed.txt holds each pinned version with its hashes, nothing else, and no address."""
    text = (ROOT / "constraints-hashed.txt").read_text()
    assert "://" not in text
    assert pinned("constraints-hashed.txt") == pinned(
        "requirements.txt", "requirements-docs.txt", "requirements-dev.txt", "constraints.txt"
    )
    for entry in re.split(r"\n(?=\w)", text)[1:]:
        first, *rest = entry.splitlines()
        hashes = re.findall(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$", "\n".join(rest), re.MULTILINE)
        assert hashes, first
        assert len(hashes) == len(rest), first


def test_the_app_names_what_it_imports() -> None:
    """The wheel's dependencies and these extras are all that it imports, and what comes with them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    named = project["dependencies"] + extras["api"] + extras["eventstream"] + extras["edge"]
    assert needed("notifications") - COME_ALONG == set(map(canonical, named))
    assert set(map(canonical, extras["pytest"])) == {"pytest-django"}


def test_only_the_plugin_imports_pytest() -> None:
    """A server loads no module that would miss it, and pytest no module that would miss Django's settings."""
    importing = [path.name for path in (ROOT / "notifications").rglob("*.py") if "pytest" in imported_by(path)]
    assert importing == ["pytest_plugin.py"]
    code = "import sys, notifications.pytest_plugin\nprint([name for name in sys.modules if name.startswith('django')])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_only_the_api_imports_what_only_the_api_needs() -> None:
    """A host without the extra `[api]` loads no module that would miss it."""
    importing = {path.parent for path in (ROOT / "notifications").rglob("*.py") if "ninja" in imported_by(path)}
    assert importing == {ROOT / "notifications" / "api"}


def test_the_wheel_carries_compiled_catalogues() -> None:
    """What Django reads is packaged: a host has no msgfmt, and nobody compiles at its installation."""
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    packaged = {path for each in patterns["notifications"] for path in (ROOT / "notifications").glob(each)}
    sources = list((ROOT / "notifications" / "locale").rglob("*.po"))
    assert sources
    assert {source.with_suffix(".mo") for source in sources} <= packaged


def test_only_its_own_modules_import_django_eventstream() -> None:
    """A host without the extra `[eventstream]` loads no module that would miss it."""
    importing = {
        path.parent for path in (ROOT / "notifications").rglob("*.py") if "django_eventstream" in imported_by(path)
    }
    assert importing == {ROOT / "notifications" / "integrations" / "eventstream"}


def test_only_the_edge_imports_what_only_the_edge_needs() -> None:
    """A host without the extra `[edge]` loads no module that would miss it, as long as it names no edge."""
    needing = {
        path for path in (ROOT / "notifications").rglob("*.py") if {"jwt", "cryptography"} & set(imported_by(path))
    }
    folder = ROOT / "notifications" / "integrations" / "pushpin"
    assert needing == {folder / "signatures.py", folder / "tickets.py"}
    code = "import django, sys\ndjango.setup()\nimport notifications.asgi\n"
    code += "print('notifications.integrations.pushpin.tickets' in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "notifyproj.settings"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "False\n"


@pytest.mark.parametrize("folder", ["notifications", "notifyproj"])
def test_the_requirements_name_what_the_site_imports(folder: str) -> None:
    """`make run` installs everything that the site and the app import."""
    assert needed(folder) - COME_ALONG <= required("requirements.txt")

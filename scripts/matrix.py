"""Run the tests that depend on versions on each pair of Python and Django. What `make matrix` runs.

    make matrix                             all pairs
    make matrix ARGS='3.13-6.1 3.12-6.0'    some of them
    make matrix ARGS='--list'               their names, as JSON

Each pair has a virtual environment in .matrix/, with the requirements of the tests, but for Django. Every warning is an
error. Asked are the unit tests, a project made by the steps of the README, and one browser that watches its badge.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

__all__ = ["PAIRS", "TESTS", "find_python"]

ROOT: Final = Path(__file__).resolve().parents[1]
# Which Python each Django runs on: https://docs.djangoproject.com/en/dev/faq/install/
PYTHONS: Final = {
    "5.2": ("3.11", "3.12", "3.13"),
    "6.0": ("3.12", "3.13"),
    "6.1": ("3.12", "3.13"),
}
PAIRS: Final = {f"{python}-{django}": (python, django) for django, pythons in PYTHONS.items() for python in pythons}
TESTS: Final = (
    "tests/unit",
    "tests/hosts/test_five_steps.py::test_five_steps_make_a_project_live",
    "tests/e2e/test_browser.py::test_admin_form_moves_the_badge_of_its_user_only[chromium]",
)


def main() -> int:
    """Run what the command line asks for; return 1 where a pair failed."""
    parser = argparse.ArgumentParser(prog="make matrix ARGS=…", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pairs", nargs="*", metavar="PAIR", help=f"of {', '.join(PAIRS)}; without any: all")
    parser.add_argument("--list", action="store_true", help="print the names of all pairs and leave")
    wish = parser.parse_args()
    unknown = [name for name in wish.pairs if name not in PAIRS]
    if unknown:
        parser.error(f"there is no pair {', '.join(unknown)}; the pairs are {', '.join(PAIRS)}")
    if wish.list:
        print(json.dumps([*PAIRS]))
        return 0
    names = wish.pairs or [*PAIRS]
    found = {name: find_python(PAIRS[name][0]) for name in names}
    missing = sorted({PAIRS[name][0] for name, path in found.items() if path is None})
    if missing:
        parser.error(f"Python {', '.join(missing)} is not on this machine; install it, or name other pairs")
    passed = {name: run(name, str(path), PAIRS[name][1]) for name, path in found.items()}
    print("\n".join(f"{name}: {'passed' if good else 'FAILED'}" for name, good in passed.items()))
    return int(not all(passed.values()))


def find_python(version: str) -> str | None:
    """Return the path of this Python (`"3.13"`), from the path or among those of pyenv, or None."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    here = sys.executable if version == ".".join(map(str, sys.version_info[:2])) else None
    candidates = [
        here,
        *map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/python"))),
        shutil.which(f"python{version}"),
    ]
    return next((path for path in candidates if path and is_version(path, version)), None)


def is_version(path: str, version: str) -> bool:
    """Return whether this program is that Python: what pyenv puts on the path may only say that it is not active."""
    code = "import sys; print('{}.{}'.format(*sys.version_info))"
    answer = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
    return answer.stdout.strip() == version


def run(name: str, python: str, django: str) -> bool:
    """Install one pair and run its tests; return whether they passed."""
    folder = ROOT / ".matrix" / name
    began = time.monotonic()
    print(f"--- {name}: installing", flush=True)
    install(folder, python, django)
    print(f"--- {name}: testing, after {time.monotonic() - began:.0f} s", flush=True)
    options = ["-q", "-W", "error", "-n", "2", "--dist", "loadgroup", "--no-loadscope-reorder"]
    command = [str(folder / "bin" / "python"), "-m", "pytest", *options, *TESTS]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    print(f"--- {name}: {time.monotonic() - began:.0f} s", flush=True)
    return code == 0


def install(folder: Path, python: str, django: str) -> None:
    """Make the environment of a pair, or bring it up to date."""
    uv = [sys.executable, "-m", "uv"]
    if not folder.exists():
        subprocess.run([*uv, "venv", "--quiet", "--seed", "--python", python, folder], check=True)
    override = folder / "django.txt"
    override.write_text(f"Django=={django}.*\n")
    wish: list[str | Path] = ["-r", "requirements-dev.txt", "-r", "requirements-mariadb.txt", "--override", override]
    subprocess.run(
        [*uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python", *wish], cwd=ROOT, check=True
    )


if __name__ == "__main__":
    sys.exit(main())

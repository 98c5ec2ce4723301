"""Bring the catalogues up to date with the code: collect every word for translation, then compile.

    make messages
    make messages ARGS=de     starts a language

Writes `locale/` of the app and of the site. The same code gives the same files, byte for byte: no dates, no line
numbers. The `.po`, which people edit, and the `.mo`, which Django reads, are both committed: a host needs no gettext.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CATALOGUES = (ROOT / "locale", ROOT / "notifications" / "locale")
# Folders of the repository whose words nobody translates.
IGNORED = ("bench", "build", "dist", "docs", "node_modules", "scripts", "static", "staticfiles", "tests", ".venv")
# A date would change with every run, and make two people's changes collide.
DATE = re.compile(r'^"POT-Creation-Date:.*\n', re.MULTILINE)


def main() -> None:
    """Collect, then compile."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("languages", nargs="*", help="folders of languages to start, such as de or pt_BR")
    collect(parser.parse_args().languages)
    for path in sorted(path for folder in CATALOGUES for path in folder.rglob("*.po")):
        path.write_text(DATE.sub("", path.read_text()))
        # Without --use-fuzzy: a guess of msgmerge is not a translation.
        subprocess.run(["msgfmt", "--check-format", "--statistics", "-o", path.with_suffix(".mo"), path], check=True)


def collect(languages: list[str]) -> None:
    """Run Django's makemessages over app and site; each file's words go to the nearest `locale/` above it."""
    existing = {path.name for folder in CATALOGUES for path in folder.glob("*") if path.is_dir()}
    names = [f"--locale={name}" for name in sorted({*existing, *languages})]
    ignored = [f"--ignore={name}" for name in IGNORED]
    stable = ["--add-location=file", "--no-wrap", "--no-obsolete", "--verbosity=0"]
    command = [sys.executable, "manage.py", "makemessages", *names, *ignored, *stable]
    environment = {**os.environ, "DEBUG": "1", "DJANGO_SETTINGS_MODULE": "notifyproj.settings"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


if __name__ == "__main__":
    main()

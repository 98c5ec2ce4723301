"""The matrix of `docs/clients.md`, written from what the clients did in this very run."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from tests.clients.trial import CLIENTS, QUESTIONS, Trial
from tests.support.lineup import FRONTS, SERVERS
from tests.support.processes import find_program
from tests.support.shell import ROOT

__all__ = ["DOCS", "as_table", "write"]

DOCS: Final = ROOT / "docs" / "clients.md"
SECTION: Final = re.compile(r"(?<=<!-- clients -->\n).*?(?=<!-- /clients -->)", re.DOTALL)
PROGRAMS: Final = {"Chromium": "chromium", "Firefox": "firefox-esr"}
COMMAND: Final = "pytest tests/clients --write-clients"


def write(trials: Iterable[Trial]) -> None:
    """Put the table between its markers."""
    text = DOCS.read_text()
    assert SECTION.search(text), f"{DOCS} has no lines <!-- clients --> and <!-- /clients -->"
    table = f"Written by `{COMMAND}` (`make clients`).\n\n{as_table(trials)}"
    DOCS.write_text(SECTION.sub(lambda _match: table, text))


def as_table(trials: Iterable[Trial]) -> str:
    """Return the rows as Markdown: one for each client and server, in the order of `CLIENTS`, with a cell for each proxy."""
    cells: dict[tuple[str, str, str], list[Trial]] = defaultdict(list)
    for trial in trials:
        cells[trial.client, trial.server, trial.front].append(trial)
    rows: list[tuple[str, ...]] = [
        ("Client", "Server", "direct", *(front for front in FRONTS if front)),
        tuple("---" for _ in range(2 + len(FRONTS))),
    ]
    for client in CLIENTS:
        for server in SERVERS:
            found = [cell(cells[client, server, front]) for front in FRONTS]
            if set(found) != {"not tried"}:
                rows.append((f"[{client}](../examples/{CLIENTS[client]}) {release_of(client)}", server, *found))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def cell(trials: Sequence[Trial]) -> str:
    """Return "yes" for four answers of yes from each trial, otherwise what got none."""
    if not trials:
        return "not tried"
    missing = [
        f"{question} ({trial.credential})"
        for trial in trials
        for question in QUESTIONS
        if not trial.answers.get(question)
    ]
    return f"not: {', '.join(missing)}" if missing else "yes"


def release_of(client: str) -> str:
    """Return the release of a client that this run used."""
    package = ROOT / "node_modules" / client / "package.json"
    if package.exists():
        found = re.search(r'"version": "([^"]+)"', package.read_text())
        return found[1] if found else ""
    try:
        return version(client)
    except PackageNotFoundError:
        program = find_program(PROGRAMS.get(client, client))
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        found = re.search(r"\d[\d.]+", said)
        return found[0] if found else ""

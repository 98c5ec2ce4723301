"""Clients that nobody here wrote, each on each server: the programs of `examples/`, as they stand there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.report import DOCS, as_table
from tests.clients.trial import CLIENTS, QUESTIONS, Trial, attempt
from tests.support.servers import Server, Site

# How the matrix calls a server, and the method of `Site` that starts it.
SERVERS = {"Daphne": "daphne", "uvicorn": "uvicorn"}


@pytest.fixture(scope="module", params=list(SERVERS))
def server(request: pytest.FixtureRequest, site: Site) -> tuple[str, Server]:
    """Each server in turn, with its name."""
    return request.param, getattr(site, SERVERS[request.param])()


async def test_every_client_connects_lives_resumes_and_ends(
    server: tuple[str, Server], site: Site, note: Callable[[Trial], None]
) -> None:
    """All clients at once: each gets its inbox, what happens, what it missed, each once, and the end of its session."""
    trials = await asyncio.gather(*(attempt(client, *server, site) for client in CLIENTS))
    for trial in trials:
        note(trial)
    failures = [
        f"{trial.client} on {trial.server}: {trial.answers}\n{trial.failure}" for trial in trials if trial.failure
    ]
    assert not failures, "\n\n".join(failures)
    assert all(trial.answers == dict.fromkeys(QUESTIONS, True) for trial in trials)


def test_every_example_is_run(examples: Path) -> None:
    """No program lies in `examples/` that no test starts, and its page names each."""
    programs = {str(path.relative_to(examples)) for path in examples.rglob("follow*") if path.is_file()}
    assert programs == set(CLIENTS.values())
    text = (examples / "README.md").read_text()
    assert [name for name in programs if f"`{name}`" not in text] == []


def test_the_matrix_holds_what_a_run_found(request: pytest.FixtureRequest) -> None:
    """The matrix in the docs has a row of four times yes for each client and server here."""
    if request.config.getoption("--write-clients"):
        return  # it is about to be written
    trials = [Trial(client, server, dict.fromkeys(QUESTIONS, True)) for client in CLIENTS for server in SERVERS]
    written = DOCS.read_text()
    missing = [row for row in as_table(trials).splitlines()[2:] if without_release(row) not in without_release(written)]
    assert not missing, "Run `make clients`."


def without_release(text: str) -> str:
    """Return a table without the releases, which differ between machines."""
    return "\n".join(line.partition(") ")[0] + line.partition(" | ")[2] for line in text.splitlines())

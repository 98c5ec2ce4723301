"""Clients that nobody here wrote, on each server and behind each proxy: the programs of `examples/`, as they stand there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from shutil import copy
from typing import Final

import pytest

from tests.clients.report import DOCS, as_table
from tests.clients.trial import BROWSERS, CLIENTS, QUESTIONS, Credential, Trial, Way, attempt
from tests.support.lineup import FRONTS, SERVERS, start, start_front
from tests.support.servers import Site

# Which clients run on which ways, and how they are let in. `make test` has all clients on two servers, by session on one and
# by token on the other, and a few on all others …
Entry = tuple[str, Credential]
Lineup = dict[tuple[str, str], Sequence[Entry]]
BY_SESSION: Final[list[Entry]] = [(client, "session") for client in CLIENTS]
BY_TOKEN: Final[list[Entry]] = [(client, "token") for client in CLIENTS if client not in BROWSERS]
SOME: Final[Lineup] = {
    ("Daphne", ""): BY_SESSION,
    ("uvicorn", ""): BY_TOKEN,
    ("gunicorn", ""): [("httpx-sse", "session")],
    ("granian", ""): [("websockets", "session")],
    ("hypercorn", ""): [("httpx-sse", "session")],
    ("uvicorn", "nginx"): [("eventsource", "session"), ("websockets", "token")],
    ("uvicorn", "Caddy"): [("requests", "token"), ("websockets", "session")],
    ("uvicorn", "HAProxy"): [("eventsource", "token"), ("websockets", "session")],
}
AT_ONCE: Final = len(CLIENTS)  # on two cores; most of a client's time is the pause before it comes back
# … and `make clients` all of them everywhere.
ALL: Final[dict[str, Lineup]] = {
    f"{server} {front}".strip(): {(server, front): [*BY_SESSION, *BY_TOKEN]} for server in SERVERS for front in FRONTS
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what `make test` or `make clients` asks for."""
    if "lineup" in metafunc.fixturenames:
        lineups = ALL if metafunc.config.getoption("--write-clients") else {"some": SOME}
        metafunc.parametrize("lineup", [pytest.param(each, id=name) for name, each in lineups.items()])


@pytest.fixture
def ways(lineup: Lineup, site: Site, tmp_path: Path, examples: Path) -> Iterator[dict[tuple[str, str], Way]]:
    """The servers and proxies of a lineup, running."""
    servers = {server: start(site, server) for server in dict.fromkeys(server for server, _front in lineup)}
    for file in (examples / "browser").iterdir():
        copy(file, tmp_path)  # proxies serve static files themselves
    with ExitStack() as stack:
        found: dict[tuple[str, str], Way] = {}
        for server, front in lineup:
            port = servers[server].port
            if front:
                proxy = stack.enter_context(start_front(front, tmp_path, [port, port], static=tmp_path))
                found[server, front] = Way(server, front, proxy.port, proxy.folder / "fullchain.pem")
            else:
                found[server, front] = Way(server, front, port)
        yield found
    for each in servers.values():
        each.process.kill()


async def test_every_client_connects_lives_resumes_and_ends(
    lineup: Lineup, ways: dict[tuple[str, str], Way], site: Site, note: Callable[[Trial], None]
) -> None:
    """Many clients at once: each gets its inbox, what happens, what it missed, each once, and the end of its login."""
    seats = asyncio.Semaphore(AT_ONCE)

    async def attempt_seated(entry: Entry, way: Way) -> Trial:
        client, credential = entry
        async with seats:
            return await attempt(client, way, site, credential)

    trials = await asyncio.gather(
        *(attempt_seated(entry, ways[way]) for way, entries in lineup.items() for entry in entries)
    )
    for trial in trials:
        note(trial)
    failures = [
        f"{trial.client} ({trial.credential}) on {trial.server} {trial.front}: {trial.answers}\n{trial.failure}"
        for trial in trials
        if trial.failure
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
    """The matrix in the docs has a yes for each client, server and proxy here."""
    if request.config.getoption("--write-clients"):
        return  # it is about to be written
    answers = dict.fromkeys(QUESTIONS, True)
    trials = [
        Trial(client, server, front, answers=answers) for client in CLIENTS for server in SERVERS for front in FRONTS
    ]
    written = DOCS.read_text()
    missing = [row for row in as_table(trials).splitlines()[2:] if without_release(row) not in without_release(written)]
    assert not missing, "Run `make clients`."


def without_release(text: str) -> str:
    """Return a table without the releases, which differ between machines."""
    return "\n".join(line.partition(") ")[0] + line.partition(" | ")[2] for line in text.splitlines())

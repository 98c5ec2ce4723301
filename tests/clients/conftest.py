"""What the clients' tests share: a site with its servers, and a matrix of what each client did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.report import as_table, write
from tests.clients.trial import CLIENT_SETTINGS, Trial
from tests.support.servers import Site

trials = pytest.StashKey[list[Trial]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer what `make clients` asks for."""
    parser.addoption("--write-clients", action="store_true", help="write the matrix into docs/clients.md")


def pytest_configure(config: pytest.Config) -> None:
    """Begin with an empty matrix."""
    config.stash.setdefault(trials, [])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the matrix of a run without failures."""
    if session.config.getoption("--write-clients", default=False) and not session.testsfailed:
        found = session.config.stash[trials]
        write(found)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show the matrix of this run, also where it is not written."""
    found = config.stash[trials]
    if found:
        terminalreporter.write_line(as_table(found))


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Callable[[Trial], None]:
    """Put a trial into the matrix."""
    return request.config.stash[trials].append


@pytest.fixture(scope="session")
def site(blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site on SQLite without Redis, whose sweeper is quick."""
    with Site(tmp_path_factory.mktemp("clients"), blank=blank, settings=CLIENT_SETTINGS) as site:
        yield site


@pytest.fixture(scope="session")
def examples() -> Path:
    """The folder of the programs under test."""
    return Path(__file__).resolve().parents[2] / "examples"

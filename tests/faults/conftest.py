"""What the fault tests share: a migrated database to copy, two fresh people, and a trial whose outcome is reported."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.faults.report import Finding, as_table, write
from tests.faults.trial import PING_SECONDS, SWEEP_SECONDS, Trial
from tests.support.servers import Person, Site

findings = pytest.StashKey[list[Finding]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer what `make reliability` asks for."""
    parser.addoption("--write-reliability", action="store_true", help="write the figures into docs/reliability.md")


def pytest_configure(config: pytest.Config) -> None:
    """Begin with an empty report."""
    config.stash.setdefault(findings, [])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the report of a run without failures."""
    if session.config.getoption("--write-reliability", default=False) and not session.testsfailed:
        found = session.config.stash[findings]
        write(found)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show the table of this run, also where it is not written."""
    found = config.stash[findings]
    if found:
        terminalreporter.write_line(as_table(found))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    """Keep the outcomes of a test that passed."""
    report = yield
    trial = getattr(item, "funcargs", {}).get("trial")
    if report.when == "call" and report.passed and isinstance(trial, Trial):
        file, line, _name = item.location
        test = getattr(item, "originalname", item.name)
        found = [Finding(file, line or 0, test, outcome) for outcome in trial.outcomes]
        item.config.stash.setdefault(findings, []).extend(found)
    return report


@pytest.fixture(scope="session")
def settings() -> dict[str, Any]:
    """Settings of every site here: what takes a while in production takes a moment."""
    return {
        "NOTIFICATIONS_PING_SECONDS": PING_SECONDS,
        "NOTIFICATIONS_SWEEP_SECONDS": SWEEP_SECONDS,
        "NOTIFICATIONS_REJOIN_SECONDS": 0.5,
        "NOTIFICATIONS_STREAMS_PER_USER": 200,
        "ROOT_URLCONF": "tests.faults.urls",
    }


@pytest.fixture(scope="module")
def site(blank: Path, settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site on SQLite without Redis, for a module's tests."""
    with Site(tmp_path_factory.mktemp("site"), blank=blank, settings=settings) as site:
        yield site


@pytest.fixture
def user(site: Site) -> Person:
    """The person a fault happens to."""
    return site.add_person("user")


@pytest.fixture
def other(site: Site) -> Person:
    """The person who must see nothing of it."""
    return site.add_person("other")


@pytest_asyncio.fixture
async def trial(site: Site, user: Person, other: Person) -> AsyncIterator[Trial]:
    """What a test does to clients, and what came of it."""
    trial = Trial(site, user, other)
    async with trial.stack:
        yield trial

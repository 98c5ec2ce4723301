"""What all tests share: two users, because whatever happens to one must never show at the other; and a database to copy."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test.signals import clear_cache_handlers
from django.utils import translation

from notifications.access import audit
from tests.support.processes import running
from tests.support.servers import Site

# A busy machine is no defect: what takes long is measured in bench/.
hypothesis.settings.register_profile("site", deadline=None)
hypothesis.settings.load_profile("site")


# A minute or more each on two cores; one that began last would keep the others waiting.
LONGEST = (
    *("test_accessibility.py", "test_ambient.py", "test_browser.py", "test_centre.py", "test_databases.py"),
    *("test_oracle.py", "test_senders.py", "test_slow_readers.py"),
)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item], config: pytest.Config) -> Iterator[None]:
    """Leave out what is about other databases, and let processes that share a run begin with what takes long.

    What takes no time fills the gaps at its end. The tests of a file stay in one process, for they share servers, unless a
    test names a group of its own. xdist reads the groups, and pytest-django sorts by use of the database, in between.
    """
    foreign = [item for item in items if not belongs_to(item, connection.vendor)]
    if foreign:
        config.hook.pytest_deselected(items=foreign)
        items[:] = [item for item in items if item not in foreign]
    shares = "PYTEST_XDIST_WORKER" in os.environ
    if shares:
        for item in items:
            if item.get_closest_marker("xdist_group") is None:
                item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    yield
    if shares:
        items.sort(key=lambda item: rank_of(item.path))


def belongs_to(item: pytest.Item, vendor: str) -> bool:
    """Return whether a test asks something of this kind of database."""
    return not any(vendor in mark.args for mark in item.iter_markers("not_on")) and all(
        vendor in mark.args for mark in item.iter_markers("only_on")
    )


def rank_of(path: Path) -> int:
    """Return 0 for the longest files, 1 for those that run programs, 2 for the quick ones."""
    if path.name in LONGEST:
        return 0
    return 2 if {"unit", "project"} & {*path.parts} else 1


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    """Show the logs of the programs that run while a test fails. What skips itself, for want of something, fails too."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome, report.longrepr = "failed", f"A test that cannot run has not passed. {report.longrepr[-1]}"
    if report.failed:
        report.sections += [(f"log of {process.name}", process.tail) for process in running]
    return report


@pytest.fixture(autouse=True)
def _settings_left_as_they_were() -> Iterator[None]:
    """Fail a test that leaves settings changed, as one does that mixes `override_settings` and the fixture `settings`.

    What is set through the fixture inside of an `override_settings` ends after it, and puts back what that had set. So the
    cache that keeps nothing outlived its test, and later ones, in random order, found their sessions and counts gone.
    """
    before = django_settings._wrapped  # type: ignore[misc]
    yield
    after, django_settings._wrapped = django_settings._wrapped, before  # type: ignore[misc]
    if after is not before:
        clear_cache_handlers(setting="CACHES")
        pytest.fail("Settings outlive the test: end what it has set in the opposite order.", pytrace=False)


@pytest.fixture(autouse=True)
def _language_of_the_site() -> None:
    """Begin each test in the site's language: a request in another one leaves its thread in that."""
    translation.deactivate()


@pytest.fixture(autouse=True)
def _nothing_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin each test with nobody's actions counted: users of different tests share their keys, and so their counts."""
    cache.clear()
    monkeypatch.setattr(audit, "tally", audit.Tally())


@pytest.fixture
def user(db: None) -> User:
    """The user a test is about."""
    return User.objects.create_user("user1", "user1@example.com", "demo")


@pytest.fixture
def other_user(db: None) -> User:
    """The user who must see nothing of it."""
    return User.objects.create_user("user2", "user2@example.com", "demo")


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    with Site(tmp_path_factory.mktemp("blank")) as site:
        return site.database

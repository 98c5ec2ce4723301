"""`docs/howto/testing.md`: its tests run in a project that `startproject` makes, set up as the tutorial does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.support.chromium import ARGUMENTS
from tests.support.host import PYTHON, Host, install, link
from tests.support.processes import Process, find_program
from tests.support.shell import ROOT

PAGE: Final = (ROOT / "docs" / "howto" / "testing.md").read_text()
TUTORIAL: Final = (ROOT / "docs" / "tutorial" / "index.md").read_text()
BLOCK: Final = re.compile(r"^<!-- (\w+) -->\n```(?:python)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILES: Final = {
    "tests": "orders/tests.py",
    "pytest": "orders/test_with_pytest.py",
    "browser": "orders/test_browser.py",
    "settings": "mysite/settings.py",
}
SET_UP: Final = re.compile(
    r"^<!-- append (mysite/(?:settings|asgi).py) -->\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
URLS: Final = """
from django.urls import include

urlpatterns += [path("notifications/", include("notifications.urls"))]
"""
SHOP: Final = """
from notifications import anotify, notify


def place_order(user):
    notify(user, title="Order placed", url="/orders/")


async def aplace_order(user):
    await anotify(user, title="Order placed", url="/orders/")
"""


FAILS: Final = """
from notifications.testing import assert_notified


def test_another_order(django_user_model, db):
    ada = django_user_model.objects.create_user("ada", pk=1)
    place_order(ada)
    assert_notified(ada, title="Order placed", url="/orders/7/")
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    """A project with the app installed as the tutorial says, and with every block of the page in its place."""
    host = Host(tmp_path_factory.mktemp("project"), install(tmp_path_factory.mktemp("app")))
    for name, code in SET_UP.findall(TUTORIAL):
        host.append(name, code)
    host.append("mysite/urls.py", URLS)
    host.append("orders/__init__.py", "")
    host.append("orders/shop.py", SHOP)
    chromium = f"launch(executable_path={find_program('chromium')!r}, args={ARGUMENTS!r})"
    for kind, code in blocks():
        if kind in FILES:
            host.append(FILES[kind], code.replace("chromium.launch()", f"chromium.{chromium}"))
    return host


def blocks(*kinds: str) -> list[tuple[str, str]]:
    """Return the blocks of the page, or those of some kinds."""
    return [(kind, code) for kind, code in BLOCK.findall(PAGE) if kind in kinds or not kinds]


def run_pytest(host: Host, *arguments: str) -> str:
    """Run pytest as a site does, and return what it wrote, also where tests failed."""
    command = [PYTHON, "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider", *arguments]
    with Process(command, env=host.env, cwd=host.folder) as process:
        process.wait(seconds=120)
        return process.log


def test_the_tests_of_the_page_pass(host: Host) -> None:
    """Each block as it stands: rows, counters, a page, a job, a broadcast, the commit, async code, and a stream."""
    assert sum(code.count("def test_") for _kind, code in blocks("tests")) == 9
    assert "Ran 9 tests" in host.manage("test", "orders.tests")


def test_pytest_finds_the_fixtures_by_itself(host: Host) -> None:
    """The first test with pytest is three lines: no import but the site's own, no mark, no option."""
    [(_kind, code)] = blocks("pytest")
    assert len(code[code.index("def test_") :].splitlines()) == 3
    assert "1 passed" in run_pytest(host, "orders/test_with_pytest.py")


def test_a_checkout_names_the_plugin(tmp_path: Path, host: Host) -> None:
    """Where the app is only on the path there is no entry point."""
    bare = host.copy_to(tmp_path / "project")
    bare.env = host.env | {"PYTHONPATH": str(link(tmp_path / "app"))}
    assert "fixture 'assert_notified' not found" in run_pytest(bare, "orders/test_with_pytest.py")
    assert "1 passed" in run_pytest(bare, "-p", "notifications.pytest_plugin", "orders/test_with_pytest.py")


def test_a_failure_reads_as_the_page_says(tmp_path: Path, host: Host) -> None:
    """With pytest and with unittest it points at the test, not at the app's own lines."""
    failing = host.copy_to(tmp_path / "project")
    failing.append("orders/test_with_pytest.py", FAILS)
    log = run_pytest(failing, "orders/test_with_pytest.py")
    [(_kind, shown)] = blocks("failure")
    assert shown in re.sub(r"^E {7}", "", log, flags=re.MULTILINE)
    assert "notifications/testing.py" not in log


def test_a_browser_sees_an_order(host: Host) -> None:
    """Daphne in a process of its own, a real browser, and a change that another process made."""
    assert "Ran 1 test" in host.manage("test", "orders.test_browser")


def test_a_browser_sees_an_order_with_pytest(host: Host) -> None:
    """The same class, run by pytest."""
    assert "1 passed" in run_pytest(host, "orders/test_browser.py")

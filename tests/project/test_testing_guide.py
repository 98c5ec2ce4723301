"""`docs/howto/testing.md`: its tests run in a project that `startproject` makes, set up as the tutorial does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tests.support.host import Host, link
from tests.support.shell import ROOT

PAGE: Final = (ROOT / "docs" / "howto" / "testing.md").read_text()
TUTORIAL: Final = (ROOT / "docs" / "tutorial" / "index.md").read_text()
BLOCK: Final = re.compile(r"^<!-- (tests|settings) -->\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
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
    notify(user, title="Order placed")


async def aplace_order(user):
    await anotify(user, title="Order placed")
"""


def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    """Every block of the page is taken as it stands: rows, a page, the commit, async code, and a stream."""
    (tmp_path / "project").mkdir()
    host = Host(tmp_path / "project", link(tmp_path / "app"))
    for name, code in SET_UP.findall(TUTORIAL):
        host.append(name, code)
    host.append("mysite/urls.py", URLS)
    host.append("orders/__init__.py", "")
    host.append("orders/shop.py", SHOP)
    blocks = BLOCK.findall(PAGE)
    assert [kind for kind, _code in blocks].count("tests") == 5
    for kind, code in blocks:
        host.append("orders/tests.py" if kind == "tests" else "mysite/settings.py", code)
    assert "Ran 5 tests" in host.manage("test")

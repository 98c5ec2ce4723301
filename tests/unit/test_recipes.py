"""The recipes of the docs agree with the defaults of our settings. What they do is tested in `tests/e2e/test_nginx.py`."""

from __future__ import annotations

import re

from notifications.conf import settings
from tests.support.nginx import RECIPES
from tests.support.shell import ROOT
from tests.support.workers import unit


def test_the_unit_waits_for_goodbyes() -> None:
    """The service manager waits longer than uvicorn, which waits longer than the streams take to go."""
    service = unit(8001)["Service"]
    words = service["ExecStart"].split()
    graceful = float(words[words.index("--timeout-graceful-shutdown") + 1])
    assert settings.drain_seconds < graceful < float(service["TimeoutStopSec"])


def test_nginx_is_more_patient_than_pings_are_rare() -> None:
    """A quiet stream is not cut, even where a ping comes late."""
    recipe = (RECIPES / "nginx.conf").read_text()
    [seconds] = re.findall(r"proxy_read_timeout (\d+)s;", recipe)
    assert float(seconds) > 2 * settings.ping_seconds


def test_the_guide_refers_to_each_recipe() -> None:
    """Who reads the guide finds every file."""
    guide = (ROOT / "docs" / "howto.md").read_text()
    for recipe in RECIPES.iterdir():
        assert f"(recipes/{recipe.name})" in guide

"""The recipes of the docs agree with the defaults of our settings. What they do is tested in `tests/e2e`."""

from __future__ import annotations

import re

import pytest

from notifications.conf import settings
from tests.support.fronts import RECIPES
from tests.support.lineup import command_of
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


def test_haproxy_is_more_patient_than_pings_are_rare() -> None:
    """The same there, for streams and WebSockets."""
    recipe = (RECIPES / "haproxy.cfg").read_text()
    for side in ("client", "server", "tunnel"):
        [seconds] = re.findall(rf"timeout {side} (\d+)s", recipe)
        assert float(seconds) > 2 * settings.ping_seconds


@pytest.mark.parametrize(
    ("program", "option"),
    [
        ("uvicorn", "--timeout-graceful-shutdown"),
        ("gunicorn", "--graceful-timeout"),
        ("granian", "--workers-kill-timeout"),
        ("hypercorn", "--graceful-timeout"),
    ],
)
def test_servers_wait_for_goodbyes(program: str, option: str) -> None:
    """The guide's commands grant more time than streams take to go."""
    words = command_of(program)
    assert float(words[words.index(option) + 1]) > settings.drain_seconds


def test_granian_has_room_for_all_streams() -> None:
    """It takes more connections than there may be streams: who is one too many is told so, and does not hang."""
    words = command_of("granian")
    assert int(words[words.index("--backpressure") + 1]) > settings.streams_per_process


def test_the_guide_refers_to_each_recipe() -> None:
    """Who reads the guide finds every file."""
    guide = (ROOT / "docs" / "howto.md").read_text()
    for recipe in RECIPES.iterdir():
        assert f"(recipes/{recipe.name})" in guide

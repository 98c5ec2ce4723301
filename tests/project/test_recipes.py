"""The recipes of the docs agree with the defaults of our settings. What they do: `integration/`, `e2e/`."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import Any, Final

import pytest
from uvicorn.config import Config

from notifications.conf import settings
from tests.support.fronts import RECIPES
from tests.support.lineup import command_of
from tests.support.shell import ROOT
from tests.support.workers import unit

GUIDES: Final = ROOT / "docs" / "howto"


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


def test_websockets_are_not_compressed() -> None:
    """The guide's commands spare 45 KiB for each WebSocket, gunicorn's by the worker class that the guide shows."""
    for words in (command_of("uvicorn"), unit(8001)["Service"]["ExecStart"].split()):
        assert words[words.index("--ws-per-message-deflate") + 1] == "false"
    [shown] = re.findall(
        r"^    (from uvicorn_worker .*?)^    ```", (GUIDES / "servers.md").read_text(), re.MULTILINE | re.DOTALL
    )
    names: dict[str, Any] = {}
    exec(dedent(f"    {shown}"), names)  # noqa: S102 - the guide's own words
    assert Config("", **names["Worker"].CONFIG_KWARGS).ws_per_message_deflate is False


def test_the_guide_refers_to_each_recipe() -> None:
    """Who reads the guide finds every file."""
    guides = "".join(page.read_text() for page in GUIDES.glob("*.md"))
    for recipe in RECIPES.iterdir():
        assert f"(../recipes/{recipe.name})" in guides

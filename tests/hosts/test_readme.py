"""The README's five steps, typed by somebody who knows nothing else, from an empty virtual environment to a live bell."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import expect

from tests.support.chromium import Visitors
from tests.support.host import copy_sources
from tests.support.processes import free_port
from tests.support.servers import SITE_VARIABLES
from tests.support.shell import ROOT
from tests.support.terminal import Terminal

pytestmark = pytest.mark.asyncio(loop_scope="session")

README: Final = (ROOT / "README.md").read_text()
SECTION: Final = README.partition("## Add it to your project in five steps\n")[2].partition("\n## ")[0]
# What only the run of these tests has.
OURS: Final = (*SITE_VARIABLES, "DJANGO_SETTINGS_MODULE", "PYTHONPATH", "VIRTUAL_ENV")
# What the reader does with a block: type it, or put it at the end of the file that was named just before.
BLOCK: Final = re.compile(
    r"(?:At the end of `(?P<file>\S+)`:\n\n)?^<!-- (?P<name>[\w ]+) -->\n```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
ADDRESS: Final = re.compile(r"<http://127\.0\.0\.1:8000(/\S*)>")
PASSWORD: Final = "a password that nobody guesses"
MOST_SECONDS: Final = 180.0  # on a machine that has nothing else to do
INSTALL_SECONDS: Final = 600.0
UNREACHABLE: Final = re.compile("No matching distribution|NewConnectionError|Could not fetch|No route to host")


async def test_the_readme_ends_with_a_bell_that_moves(tmp_path: Path, visitors: Visitors) -> None:
    """Each block is typed as it stands, in order, in at most three minutes; the port alone is another one."""
    clone = copy_sources(tmp_path / "clone")
    port = free_port()
    address = ADDRESS.search(SECTION)
    assert address
    env = {name: value for name, value in os.environ.items() if name not in OURS}
    env["PATH"] = os.pathsep.join([str(Path(sys.base_prefix) / "bin"), env["PATH"]])
    begun = time.monotonic()
    with Terminal(clone, env) as terminal:
        blocks = {match["name"]: match for match in BLOCK.finditer(SECTION)}
        assert list(blocks) == ["install", "project", "step 2", "step 3", "step 4", "step 5", "run", "send"]
        for name, block in blocks.items():
            if name in ("step 5", "send"):  # for pages of one's own; in a second terminal
                continue
            if block["file"]:
                with (tmp_path / "mysite" / block["file"]).open("a") as file:
                    file.write(f"\n{block['code']}")
                continue
            for line in block["code"].splitlines():
                await asyncio.to_thread(type_line, terminal, line, port)
        page = await visitors.arrive(f"http://127.0.0.1:{port}", path=address[1])
        await page.get_by_label("Username").fill("admin")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Log in").click()
        await expect(page.locator("notification-bell")).to_be_visible()
        await expect(page.locator(".notification-bell__badge")).to_be_hidden()
        with Terminal(tmp_path / "mysite", env) as second:
            for line in blocks["send"]["code"].splitlines():
                await asyncio.to_thread(second.run, line)
            await expect(page.locator(".notification-bell__badge")).to_have_text("1")
        await expect(page.locator(".notification-item__link")).to_have_text(["It works"])
    others = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    assert time.monotonic() - begun <= MOST_SECONDS * others


def type_line(terminal: Terminal, line: str, port: int) -> None:
    """Type a line, and answer what its program asks."""
    if " runserver" in line:
        terminal.type(f"{line} {port}")
        terminal.see("Quit the server with CONTROL-C")
        wait_for_port(port)
    elif " createsuperuser" in line:
        terminal.type(line)
        for question, answer in (
            ("Email address: ", ""),
            ("Password: ", PASSWORD),
            (r"Password \(again\): ", PASSWORD),
        ):
            terminal.see(question)
            terminal.type(answer)
        terminal.see("Superuser created successfully")
        terminal.see("ready> ")
    elif line.startswith("pip install"):
        try:
            terminal.run(line, seconds=INSTALL_SECONDS)
        except AssertionError as error:
            if UNREACHABLE.search(str(error)):
                pytest.fail("pip reaches no package index from here, and the walk installs the app", pytrace=False)
            raise
    else:
        terminal.run(line)


def wait_for_port(port: int) -> None:
    """Wait until somebody listens there."""
    deadline = time.monotonic() + INSTALL_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.05)
    raise TimeoutError(f"Nobody listens on port {port}.")

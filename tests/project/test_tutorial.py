"""`docs/tutorial/index.md`, step by step: its files and commands, in order, in a project that `startproject` makes."""

from __future__ import annotations

import asyncio
import re
import shlex
from pathlib import Path
from typing import Final

import httpx

from tests.support.client import Client
from tests.support.host import Host, link
from tests.support.shell import ROOT

PAGE: Final = (ROOT / "docs" / "tutorial" / "index.md").read_text()
BLOCK: Final = re.compile(r"^<!-- (shell|append|file)(?: (\S+))? -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BEFORE: Final = ("python3 -m venv", "source ", "pip install ", "django-admin startproject ")  # done by `Host`
LOG_IN: Final = """
from django.contrib.auth import get_user_model
from django.test import Client

for name in ("ada", "ben"):
    user, _ = get_user_model().objects.get_or_create(username=name)
    client = Client()
    client.force_login(user)
    print(client.cookies["sessionid"].value)
"""
SHIP: Final = """
from django.utils import timezone
from orders.models import Order

order = Order.objects.get()
order.shipped_at = timezone.now()
order.save()
"""


async def test_a_newcomer_gets_to_the_end(tmp_path: Path) -> None:
    """Each block is taken as it stands; the page is live after the view, the signal and the task; the tests pass."""
    (tmp_path / "project").mkdir()
    host = Host(tmp_path / "project", link(tmp_path / "app"))
    reached = []
    for kind, name, code in BLOCK.findall(PAGE):
        if kind == "append":
            host.append(name, code)
        elif kind == "file":
            path = host.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(code)
        else:
            reached += [await run(command, host) for command in code.splitlines()]
    assert [name for name in reached if name] == ["migrate", "runserver", "export_orders", "test"]


async def run(command: str, host: Host) -> str:
    """Do what a reader does in the terminal, and look at what came of it."""
    if command.startswith(BEFORE):
        return ""
    python, manage, name, *arguments = shlex.split(command)
    assert (python, manage) == ("python", "manage.py")
    if name == "createsuperuser":
        return ""  # it asks; `LOG_IN` makes the accounts
    if name == "runserver":
        await place_an_order(host)
    elif name == "export_orders":
        await ship_and_export(host, command=[name, *arguments])
    else:
        host.manage(name, *arguments)
        if name == "migrate":
            host.manage("check", "--fail-level", "WARNING")
    return "" if name in ("startapp", "makemigrations") else name


async def place_an_order(host: Host) -> None:
    """The other window shows what the view told, and the second user's shows nothing."""
    ada, ben = host.run(LOG_IN)
    with host.runserver() as (_process, url):
        async with Client(url, f"sessionid={ada}") as mine, Client(url, f"sessionid={ben}") as others:
            await mine.next("hello")
            await others.until(lambda client: client.replica.modseq)
            async with httpx.AsyncClient(base_url=url, trust_env=False, cookies={"sessionid": ada}) as http:
                page = await http.get("/")
                assert "<notification-bell" in page.text
                [token, *_] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
                answer = await http.post("/orders/place/", data={"csrfmiddlewaretoken": token})
                assert answer.status_code == 302
            await mine.knows("We have got your order 1")
            assert others.titles == []


async def ship_and_export(host: Host, *, command: list[str]) -> None:
    """What the signal and the task tell from other processes arrives too, at its customer's only."""
    ada, ben = host.run(LOG_IN)
    with host.runserver() as (_process, url):
        async with Client(url, f"sessionid={ada}") as mine, Client(url, f"sessionid={ben}") as others:
            await mine.next("hello")
            await others.until(lambda client: client.replica.modseq)
            await asyncio.to_thread(host.run, SHIP)
            await mine.knows("Order 1 is on its way")
            assert "1;ada;" in await asyncio.to_thread(host.manage, *command)
            await mine.knows("Export of all orders")
            assert others.titles == []

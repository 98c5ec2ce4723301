"""A host project adds the app, from the wheel, by the five steps of the README, and it is live."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from notifications.pages import static_files
from tests.support.client import Client
from tests.support.host import Host, add_page, apply_steps, install

ADDRESS = re.compile(r'(?:href|src)="(/static/[^"]+)"')


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the wheel was installed."""
    return install(tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_all_that_is_needed(installed: Path) -> None:
    """Every template, static file, migration and the marker of types is in it, and nothing of the site around it."""
    sources = installed.parent / "sources"
    wanted = {path.relative_to(sources) for path in (sources / "notifications").rglob("*") if path.is_file()}
    made_from = {path for path in wanted if path.suffix == ".po" or path.parts[:2] == ("notifications", "frontend")}
    wanted -= made_from
    assert len(wanted) > 40
    missing = sorted(str(path) for path in wanted if not (installed / path).is_file())
    assert missing == []
    assert sorted(path.name for path in installed.iterdir() if path.suffix != ".dist-info") == ["notifications"]


async def test_five_steps_make_a_project_live(installed: Path, tmp_path: Path) -> None:
    """Bell, static files and a live change that another process made; the second user's stream sees nothing of it."""
    host = Host(tmp_path, installed)
    add_page(host)
    apply_steps(host)
    host.manage("check", "--fail-level", "WARNING")
    host.manage("migrate")
    host.log_in()
    session1, session2 = (host.people[name][1] for name in ("user1", "user2"))
    with host.runserver() as (process, url):
        position = await look_at_page(url, session1)
        async with (
            Client(url, f"sessionid={session1}", since=position) as mine,
            Client(url, f"sessionid={session2}") as others,
        ):
            await mine.next("hello")
            await others.until(lambda client: client.replica.modseq)
            await asyncio.to_thread(host.notify, "user1", "Your export is ready")
            await mine.knows("Your export is ready")
            # What comes second to the other's stream proves that nothing came first.
            await asyncio.to_thread(host.notify, "user2", "For user2 alone")
            await others.knows("For user2 alone")
            assert [entry.data["prev"] for entry in others.changes] == [1]
            assert others.titles == ["For user2 alone"]
            assert mine.titles == ["Your export is ready"]
        assert "Traceback" not in process.log


async def look_at_page(url: str, session: str) -> str:
    """See the bell on the host's page, and each static file that it leads to; return the page's position."""
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        assert "notification-bell" not in (await http.get("/")).text  # nobody is logged in
        http.cookies.set("sessionid", session)
        page = (await http.get("/")).text
        waiting = set(ADDRESS.findall(page))
        assert {Path(address).suffix for address in waiting} == {".css", ".js"}
        seen: set[str] = set()
        while waiting:
            address = waiting.pop()
            response = await http.get(address)
            assert response.status_code == 200, address
            seen.add(address)
            imported = re.finditer(static_files.IMPORT, response.text)
            waiting |= {urljoin(address, found["url"]) for found in imported} - seen
        assert (await http.get("/notifications/")).status_code == 200
        http.cookies.clear()
        assert (await http.get("/notifications/stream/")).status_code == 403
    match = re.search(r'<notification-bell\s[^>]*data-position="([^"]+)"', page)
    assert match, page
    return match[1]

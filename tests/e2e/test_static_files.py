"""Static files as sites serve them: hashed names, far-future caches, other origins, strict policies, and a release."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from playwright.async_api import Page, expect

import notifications
from notifications.pages.static_files import find_all_imports
from notifyproj.settings import MIDDLEWARE
from tests.support.chromium import CENTRE, Visitors, badge, expect_unread, headings, in_chromium
from tests.support.nginx import PlainNginx
from tests.support.processes import free_port
from tests.support.servers import Person, Server, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

STATIC: Final = Path(notifications.__file__).parent / "static"
MANIFEST: Final = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
WHITENOISE: Final = "whitenoise.storage.CompressedManifestStaticFilesStorage"
FILES: Final = {"default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}}
HASHED: Final = re.compile(r"\.[0-9a-f]{12}\.(?:js|css|svg)$")
FOR_A_YEAR: Final = """
    location /static/ {{
        alias {static}/;
        expires 1y;
    }}
    location / {{
        proxy_pass http://127.0.0.1:{worker};
        proxy_set_header Host $http_host;
    }}
"""


def storing(backend: str, root: Path, **more: Any) -> dict[str, Any]:
    """Return the settings of a site whose files were collected under a storage, with DEBUG off."""
    storages = FILES | {"staticfiles": {"BACKEND": backend}}
    return {"DEBUG": False, "STORAGES": storages, "STATIC_ROOT": str(root), **more}


def collect(site: Site, settings: dict[str, Any]) -> None:
    """Run `collectstatic`."""
    site.manage("collectstatic", "--noinput", "--verbosity", "0", **settings)


def note_addresses(page: Page) -> list[str]:
    """Return a list that grows by the path of each static file that a page asks for."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(httpx.URL(request.url).path) if "/static/" in request.url else None)
    return asked


async def tell(site: Site, person: Person, title: str) -> None:
    """Send a person something."""
    await site.acall("notify(user, title=title).pk", user=person.pk, title=title)


async def is_live(page: Page, site: Site, user: Person, title: str, unread: int) -> None:
    """Check that the page shows something new by itself, in the badge and in the panel."""
    await tell(site, user, title)
    await expect_unread(page, unread)
    await page.locator(".notification-bell").click()
    await expect(headings(page).first).to_have_text(title)
    await page.keyboard.press("Escape")


# --- hashed names


@pytest.mark.parametrize("backend", [MANIFEST, WHITENOISE], ids=["manifest", "whitenoise"])
async def test_modules_and_styles_are_hashed(
    backend: str, visitors: Visitors, site: Site, user: Person, tmp_path: Path
) -> None:
    """Bell and panel are live where only hashed names are served, and no other is asked for."""
    more: dict[str, Any] = {"WHITENOISE_KEEP_ONLY_HASHED_FILES": True, "NOTIFICATIONS_SWEEP_SECONDS": 0.2}
    if backend == WHITENOISE:
        more["MIDDLEWARE"] = [MIDDLEWARE[0], "whitenoise.middleware.WhiteNoiseMiddleware", *MIDDLEWARE[1:]]
    settings = storing(backend, tmp_path / "static", **more)
    collect(site, settings)
    server: Server | PlainNginx = site.uvicorn(**settings)
    if backend == WHITENOISE:
        assert not (tmp_path / "static" / "notifications" / "index.js").exists()
    else:
        for path in (tmp_path / "static" / "notifications").rglob("*.js"):
            if not HASHED.search(path.name):
                path.unlink()
        server = PlainNginx(tmp_path, FOR_A_YEAR.format(static=tmp_path / "static", worker=server.port))
    try:
        page = await visitors.arrive(server.url, user, path="/", has_touch=True)
        asked = note_addresses(page)
        await page.goto(CENTRE)
        await page.goto("/")
        await is_live(page, site, user, "Hashed", 1)
        assert len({path for path in asked if path.endswith(".js")}) > 3
        # What is imported when it is wanted. Firefox is told of no touch screen.
        assert visitors.is_firefox or any("/chunks/swipe_" in path for path in asked)
        assert [path for path in asked if not HASHED.search(path)] == []
        await page.close()
    finally:
        if isinstance(server, PlainNginx):
            server.close()


# --- a release


NEW: Final = "/* of the next release */\n"


def release(folder: Path) -> Path:
    """Return a folder with the app's modules as the next release has them: one that lies deep says that it is new."""
    name = find_all_imports("notifications/index.js")[0]
    (folder / name).parent.mkdir(parents=True)
    code = (STATIC / name).read_text()
    (folder / name).write_text(f"{code};document.documentElement.dataset.release='next';{NEW}")
    return folder


async def test_a_release_rolls_out_over_open_pages(
    visitors: Visitors, site: Site, user: Person, tmp_path: Path
) -> None:
    """What is open goes on with the modules that it has, and is live again; who comes next gets the new ones.

    The browser keeps every file for a year, as nginx tells it to, and knows the former release.
    """
    root = tmp_path / "static"
    settings = storing(MANIFEST, root, NOTIFICATIONS_SWEEP_SECONDS=0.2, NOTIFICATIONS_PING_SECONDS=0.5)
    collect(site, settings)
    port = free_port()
    before = site.uvicorn(port=port, **settings)
    with PlainNginx(tmp_path, FOR_A_YEAR.format(static=root, worker=port)) as nginx:
        old = await visitors.arrive(nginx.url, user, path="/")
        await is_live(old, site, user, "Before", 1)
        visitors.expect_problem(r"50[24]|ERR_INCOMPLETE_CHUNKED|NS_ERROR_|establish a connection|was interrupted")
        before.process.stop()
        settings |= {"STATICFILES_DIRS": [str(release(tmp_path / "next")), *site_files()]}
        collect(site, settings)
        site.uvicorn(port=port, **settings)
        new = await visitors.open_tab(old, "/")
        await expect(new.locator("html")).to_have_attribute("data-release", "next")
        await tell(site, user, "After")
        for page in (old, new):
            await expect_unread(page, 2)
        await is_live(old, site, user, "Still there", 3)
        assert await old.locator("html").get_attribute("data-release") is None
        await old.reload()
        await expect(old.locator("html")).to_have_attribute("data-release", "next")


def site_files() -> list[str]:
    """Return where the demonstration site's own files are."""
    return [str(STATIC.parents[1] / "static")]


# --- another origin


class Files(http.server.SimpleHTTPRequestHandler):
    """Serves a folder to pages of every origin, or, without `is_shared`, to those of its own."""

    is_shared = True

    def end_headers(self) -> None:
        """Say who may read it."""
        if self.is_shared:
            self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        """Write no log."""


class OwnFiles(Files):
    """As a network that was not told."""

    is_shared = False


@contextmanager
def network(folder: Path, handler: type[Files]) -> Iterator[str]:
    """Serve a folder at an origin of its own."""
    folder.mkdir(exist_ok=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("handler", [Files, OwnFiles], ids=["shared", "not shared"])
async def test_static_files_come_from_another_origin(
    handler: type[Files], visitors: Visitors, site: Site, user: Person, tmp_path: Path
) -> None:
    """A network that shares its files makes a live bell; one that does not leaves a link with the right count."""
    root = tmp_path / "static"
    with network(root, handler) as origin:
        policy = {"DIRECTIVES": {"default-src": ["'self'", origin], "img-src": ["'self'", "data:", origin]}}
        settings = storing(
            MANIFEST,
            root,
            STATIC_URL=f"{origin}/",
            CONTENT_SECURITY_POLICY=policy,
            NOTIFICATIONS_SWEEP_SECONDS=0.2,
        )
        collect(site, settings)
        server = site.uvicorn(**settings)
        if handler is OwnFiles:
            visitors.expect_problem(r"CORS|ERR_FAILED|NS_ERROR_DOM_BAD_URI|NS_ERROR_")
            await tell(site, user, "Before")
        page = await visitors.arrive(server, user, path="/")
        if handler is Files:
            await is_live(page, site, user, "From elsewhere", 1)
        else:
            await expect(badge(page)).to_have_text("1")
            await page.locator(".notification-bell").click()
            await expect(headings(page).first).to_have_text("Before")
            assert page.url.endswith(CENTRE)
        await page.close()  # before the files go, for which it may still ask


# --- policies


@in_chromium
@pytest.mark.parametrize("policy", ["strict_dynamic", "trusted_types"])
async def test_strict_policies(policy: str, visitors: Visitors, site: Site, user: Person, other: Person) -> None:
    """With nonces and `strict-dynamic`, and with trusted types, bell, panel and centre work and nothing is complained of."""
    place = MIDDLEWARE.index("csp.middleware.CSPMiddleware") + (policy == "strict_dynamic")
    middleware = [*MIDDLEWARE[:place], f"tests.support.policies.{policy}", *MIDDLEWARE[place:]]
    server = site.daphne(MIDDLEWARE=middleware, NOTIFICATIONS_SWEEP_SECONDS=0.2)
    if policy == "strict_dynamic":
        visitors.expect_problem(r"/static/site\.css")  # the demonstration site's own style has no nonce
    theirs = await visitors.arrive(server, other, path=CENTRE)
    page = await visitors.arrive(server, user, path=CENTRE)
    await tell(site, user, "Strictly")
    await expect(headings(page).first).to_have_text("Strictly")
    await page.goto("/")
    await is_live(page, site, user, "Panel", 2)
    await expect_unread(theirs, 0)

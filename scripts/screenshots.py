"""Take the pictures of the documentation: a scratch site with the demo data, a real Daphne, a real Chromium.

    make screenshots

Writes `docs/images/*.png`. Each picture is one page in one width and theme; the live one is taken after a notification
has arrived without a reload.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

from playwright.sync_api import Browser, Page, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
CHROMIUM = "/usr/bin/chromium"
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
WIDE = {"width": 1100, "height": 720}
PHONE = {"width": 360, "height": 720}
SEND = """
from django.contrib.auth import get_user_model
from notifications.publish import notify
user = get_user_model().objects.get(username="user1")
notify(user, title="Your export is ready", body="1,204 rows, 3 MB", url="/", level="success", category="exports")
"""


@contextmanager
def site() -> Iterator[tuple[str, dict[str, str]]]:
    """Run the site on a free port with a scratch database; yield its address and its environment."""
    with tempfile.TemporaryDirectory() as folder, closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
        free.close()
        environment = {**os.environ, "DEBUG": "1", "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3", "REDIS_URL": ""}
        manage = [sys.executable, str(ROOT / "manage.py")]
        subprocess.run([*manage, "migrate", "--verbosity", "0"], env=environment, check=True)
        subprocess.run([*manage, "create_demo"], env=environment, check=True, stdout=subprocess.DEVNULL)
        server = subprocess.Popen([*manage, "runserver", "--noreload", port], env=environment)
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(address)
            yield address, environment
        finally:
            server.terminate()
            server.wait()


def wait_for(address: str, seconds: float = 30.0) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            urlopen(address).close()  # noqa: S310 - our own server
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def log_in(browser: Browser, address: str, name: str, **context: object) -> Page:
    """Return a page of a browser of its own in which this user is logged in."""
    page = browser.new_context(base_url=address, **context).new_page()  # type: ignore[arg-type]
    page.goto("/accounts/login/")
    page.fill("[name=username]", name)
    page.fill("[name=password]", "demo")
    page.click("main button[type=submit], main form button")
    page.wait_for_url("**/")
    return page


def take(page: Page, path: str, name: str, *, full: bool = False) -> None:
    """Write one picture."""
    page.goto(path)
    page.wait_for_load_state("load")
    page.screenshot(path=IMAGES / f"{name}.png", full_page=full)
    print(f"docs/images/{name}.png")


def main() -> None:
    """Take them all."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with site() as (address, environment), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        for size, viewport in {"wide": WIDE, "phone": PHONE}.items():
            for theme in ("light", "dark"):
                look = {"viewport": viewport, "color_scheme": theme}
                page = log_in(browser, address, "user1", **look)
                take(page, "/notifications/", f"centre-{size}-{theme}")
                take(page, "/", f"home-{size}-{theme}")
                take(page, "/notifications/?tab=archived", f"empty-{size}-{theme}")
                page.context.close()
                anonymous = browser.new_context(base_url=address, **look).new_page()
                take(anonymous, "/accounts/login/", f"login-{size}-{theme}")
                anonymous.context.close()
        admin = log_in(browser, address, "admin", viewport=WIDE)
        take(admin, "/admin/notifications/notification/", "admin-list")
        take(admin, "/admin/notifications/notification/add/", "admin-add", full=True)
        live = log_in(browser, address, "user1", viewport=WIDE, reduced_motion="reduce")
        live.goto("/notifications/")
        before = live.title()
        shell = [sys.executable, str(ROOT / "manage.py"), "shell", "-v", "0", "-c", SEND]
        subprocess.run(shell, env=environment, check=True)
        live.wait_for_function("title => document.title !== title", arg=before)
        live.screenshot(path=IMAGES / "live.png")
        browser.close()


if __name__ == "__main__":
    main()

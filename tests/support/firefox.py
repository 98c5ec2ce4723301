"""The Firefox that the system has, driven by the same Playwright as the Chromium: one test function for both.

Playwright's own Firefox is a patched build that one has to download. Its channel `moz-firefox` is for an unpatched one: it
speaks WebDriver BiDi (https://w3c.github.io/webdriver-bidi/), which Firefox serves by itself, so that neither geckodriver
nor a second client library with its own way to find and await things is needed. A relay of a hundred lines
(`bidi_relay.py`) makes up for commands that an extended-support release does not know yet.

What Playwright offers and Firefox 153 does not do over BiDi, most of it without a word (the rest that tests use here works:
routes, the clock, being offline, permission to notify, locale, viewport, keyboard and pointer):

    emulate_media(…), color_scheme=…   nothing is set: it is dark by a preference below; reduced motion, forced colours and
                                       print are looked at in Chromium alone
    java_script_enabled=False          scripts run: `Visitors` keeps them from loading instead
    on("console")                      failed requests are not told there: `Visitors` listens for them
    on("websocket"), new_cdp_session() are Chromium's
    grant_permissions()                knows "notifications", not "clipboard-read"
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from playwright.async_api import Browser, async_playwright

from .chromium import INTRANET
from .processes import find_program

__all__ = ["firefox", "in_firefox"]

RELAY: Final = Path(__file__).with_name("bidi_relay.py")
# A proxy that nobody serves: the pages reach this machine, which is never asked for through it, and nothing else.
PREFERENCES: Final[dict[str, str | float | bool]] = {
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "network.proxy.socks": "127.0.0.1",
    "network.proxy.socks_port": 9,
    "network.proxy.allow_hijacking_localhost": False,
    "network.proxy.no_proxies_on": INTRANET,
    "network.dns.localDomains": INTRANET,
    "layout.css.prefers-color-scheme.content-override": 0,  # dark, as it cannot be told to be so later
    "ui.primaryPointerCapabilities": 6,  # a mouse, which a machine without a screen has not: it points finely and hovers
    "ui.allPointerCapabilities": 6,
    "ui.useOverlayScrollbars": 1,  # as in a Chromium without a window, they take no room
    # Nothing answers there, so what Firefox does by itself is turned off rather than left to fail
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.safebrowsing.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "extensions.systemAddon.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.disablePrefetch": True,
    "network.prefetch-next": False,
    "services.settings.server": "data:,",
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.server": "data:,",
}


# For a test whose counterpart runs in Chromium.
in_firefox: Final = pytest.mark.parametrize("each_browser", ["firefox"], ids=["firefox"], indirect=True)


@asynccontextmanager
async def firefox() -> AsyncIterator[Browser]:
    """Run it without a window, in a profile of its own that goes with it."""
    with TemporaryDirectory() as folder:
        starter = Path(folder) / "firefox"  # Playwright starts one program without arguments of ours
        starter.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{RELAY}' '{find_program('firefox-esr')}' \"$@\"\n")
        starter.chmod(0o700)
        async with async_playwright() as playwright:
            browser = await playwright.firefox.launch(
                channel="moz-firefox", executable_path=starter, firefox_user_prefs=PREFERENCES
            )
            yield browser
            await browser.close()

"""How long a slow browser shows buttons that do nothing yet: from the first paint to working bell, panel and list.

    .venv/bin/python bench/browser.py --rounds 7

A Chromium with a CPU slowed down four times and the network that its developer tools call slow 4G (562 ms to the first byte
of each answer, 1.4 Mbit/s), an empty cache, the files compressed and with hashed names behind nginx. Prints the median, and
the least and the most of the rounds; in the last column what the scripts take of the slow processor until they work, which
depends least on what else the machine does. Needs chromium and nginx.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from playwright.async_api import Browser, Page

from tests.support.chromium import Visitors, chromium
from tests.support.nginx import PlainNginx
from tests.support.servers import Person, Site

SLOWER: Final = 4
SLOW_4G: Final = {
    "offline": False,
    "latency": 562.5,  # ms: 150 as it is, times what Chromium's tools found to be true to life
    "downloadThroughput": 1.6e6 * 0.9 / 8,  # bytes/s
    "uploadThroughput": 0.75e6 * 0.9 / 8,
}
FILES: Final = {"default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}}
MANIFEST: Final = {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
LOCATIONS: Final = """
    gzip on;
    gzip_comp_level 9;
    gzip_types text/css text/javascript application/javascript;
    location /static/ {{
        alias {static}/;
        expires 1y;
    }}
    location / {{
        proxy_pass http://127.0.0.1:{worker};
        proxy_set_header Host $http_host;
        proxy_buffering off;
    }}
"""
FIFTY: Final = "[notify(user, title=f'Number {n}', body='Words ' * 12, actor='Ada Lovelace').pk for n in range(50)]"
# An element's class is made of what was loaded, and what stands in the page becomes one in the same step.
NOTE: Final = """
window.workingAtMs = {};
for (const name of ["notification-bell", "notification-list"])
  customElements.whenDefined(name).then(() => (workingAtMs[name] = performance.now()));
"""
READ: Final = """
(() => {
  const ends = (kind) => performance.getEntriesByType("resource")
    .filter(({ name }) => name.endsWith(kind)).map(({ responseEnd }) => responseEnd);
  const painted = performance.getEntriesByName("first-contentful-paint")[0].startTime;
  const scripts = ends(".js");
  return { painted, working: workingAtMs, loaded: Math.max(...scripts), files: scripts.length + ends(".css").length };
})()
"""
# What is timed, where, and by which element.
CASES: Final = {
    "a page with a bell": ("/", "notification-bell"),
    "the centre, 50 notifications": ("/notifications/", "notification-list"),
}


async def main() -> None:
    """Measure each page in turn, so that what the machine does meanwhile meets both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = {
            "DEBUG": False,
            "ALLOWED_HOSTS": ["127.0.0.1"],
            "STORAGES": FILES | {"staticfiles": MANIFEST},
            "STATIC_ROOT": str(folder / "static"),
        }
        with Site(folder, settings=settings) as site:
            site.manage("collectstatic", "--noinput", "--verbosity", "0")
            person = site.add_person("reader")
            site.call(FIFTY, user=person.pk)
            server = site.uvicorn()
            locations = LOCATIONS.format(static=folder / "static", worker=server.port)
            with PlainNginx(folder, locations) as nginx:
                async with chromium() as browser:
                    await report(browser, nginx.url, person, rounds)


async def report(browser: Browser, url: str, person: Person, rounds: int) -> None:
    """Print a row for each page."""
    found: dict[str, list[dict[str, Any]]] = {what: [] for what in CASES}
    for _round in range(rounds):
        for what, (path, element) in CASES.items():
            found[what].append(await look(browser, url, person, path, element))
    print("| | scripts and styles | first paint | all scripts are there | works | after the paint | scripts, CPU |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for what, results in found.items():
        painted = [result["painted"] for result in results]
        loaded = [result["loaded"] for result in results]
        working = [result["working"][CASES[what][1]] for result in results]
        spent = [result["script_ms"] for result in results]
        waited = [max(0.0, at - paint) for at, paint in zip(working, painted, strict=True)]
        files = max(result["files"] for result in results)
        figures = " | ".join(shown(each) for each in (painted, loaded, working, waited, spent))
        print(f"| {what} | {files} | {figures} |", flush=True)


def shown(figures: list[float]) -> str:
    """Return the median, and between what it lies."""
    return f"{median(figures):.0f} ms ({min(figures):.0f} to {max(figures):.0f})"


async def look(browser: Browser, url: str, person: Person, path: str, element: str) -> dict[str, Any]:
    """Open a page in a new profile, slowly; return when it was painted and when it worked."""
    visitors = Visitors(browser)
    page: Page = await visitors.arrive(url, person, path="/accounts/login/")
    session = await page.context.new_cdp_session(page)
    await session.send("Network.clearBrowserCache")
    await session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    await session.send("Network.emulateNetworkConditions", SLOW_4G)
    await session.send("Performance.enable", {"timeDomain": "threadTicks"})
    await page.add_init_script(NOTE)
    await page.goto(path)
    await page.locator(f"{element}[data-joined]").wait_for(state="attached")
    await page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
    result: dict[str, Any] = await page.evaluate(READ)
    metrics = (await session.send("Performance.getMetrics"))["metrics"]
    result["script_ms"] = 1000 * next(each["value"] for each in metrics if each["name"] == "ScriptDuration")
    await visitors.leave()
    return result


if __name__ == "__main__":
    asyncio.run(main())

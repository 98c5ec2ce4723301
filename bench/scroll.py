"""What a long list costs in the document of a slow device: a step of 50 rows, and the answer to a key or a click.

    python -m bench.scroll                     200, 2,000 and 10,000 notifications, a CPU four times as slow
    python -m bench.scroll 2000 --scrolls 60   one size, fewer scrolls

Starts a site, fills an inbox, opens the centre in Chromium, loads the whole list, and scrolls back up through it, screen by
screen. A step is a scroll after which other rows are in the document. Its times are those of the page's main thread, as
Chromium counts them (`Performance.getMetrics` by the thread's own clock, so that other programs do not matter), from the
scroll until it is painted: script, style, layout and the rest. "within" is a scroll after which the same rows are there.

Then a reader archives, selects and opens ten notifications each, by keys. Their times are those of the Event Timing API, of
which Interaction to Next Paint is made: from the key to the next frame, rounded to 8 ms, on the wall clock. A busy machine
makes them longer.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from playwright.async_api import CDPSession, Page, expect

from bench import machine, report
from bench.report import Run, Table
from tests.support.chromium import CENTRE, Visitors, chromium
from tests.support.servers import Site

SLOWDOWN: Final = 4
LOOK: Final[dict[str, Any]] = {"viewport": {"width": 1440, "height": 900}}
TIMES: Final = 10
# Titles of one line and of two, bodies of up to 40 words, seven senders, half of it read, a day for each hundred.
FILL: Final = """
from datetime import timedelta
from django.utils import timezone
now = timezone.now()
rows = [
    Notification(
        recipient_id=user,
        title=f"Ada {n % 7} has changed number {n}" + " of a rather long row of figures" * (n % 3),
        body="text " * (n % 40),
        actor=f"Ada {n % 7}",
        created_at=now - timedelta(days=(count - n) // 100),
    )
    for n in range(count)
]
len(Notification.objects.bulk_create(rows, batch_size=1000))
"""
# Goes down until there is nothing more to load. An answer 429 says how long to wait, and the page does.
LOAD: Final = """async () => {
  const older = document.querySelector('.notification-pages__older');
  while (!older.hidden) {
    scrollTo(0, document.documentElement.scrollHeight);
    await new Promise(requestAnimationFrame);
  }
}"""
# Scrolls up by one screen and waits until it is painted; the first row in the document tells whether it was a step.
SCROLL: Final = """async () => {
  const first = () => document.querySelector('.notification-list > [data-id]').dataset.id;
  const before = first();
  scrollBy(0, -innerHeight);
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))));
  return first() !== before;
}"""
# Each interaction has some events: what counts is the longest of them.
OBSERVE: Final = """() => {
  window.interactions = new Map();
  new PerformanceObserver((list) => {
    for (const { interactionId, duration } of list.getEntries()) {
      if (interactionId) interactions.set(interactionId, Math.max(duration, interactions.get(interactionId) ?? 0));
    }
  }).observe({ type: 'event', durationThreshold: 16 });
}"""
DRAIN: Final = """async () => {
  await new Promise((done) => setTimeout(done, 300)); // the observer is told a frame later
  const found = [...interactions.values()];
  interactions.clear();
  return found;
}"""
FIGURES: Final = {"Task": "all", "Script": "script", "RecalcStyle": "style", "Layout": "layout"}


async def read_metrics(client: CDPSession) -> dict[str, float]:
    """Return the page's counters, in milliseconds."""
    answer = await client.send("Performance.getMetrics")
    counters = {each["name"]: each["value"] * 1000 for each in answer["metrics"]}
    return {shown: counters[f"{name}Duration"] for name, shown in FIGURES.items()}


async def scroll(page: Page, client: CDPSession, scrolls: int) -> dict[str, float]:
    """Scroll up; return the medians of a step's costs, its worst, and the median of a scroll that is none."""
    found: dict[bool, list[dict[str, float]]] = {True: [], False: []}
    for _ in range(scrolls):
        before = await read_metrics(client)
        is_step = await page.evaluate(SCROLL)
        after = await read_metrics(client)
        found[is_step].append({name: after[name] - before[name] for name in after})
    steps = found[True]
    if not steps:
        return {}
    medians = {f"step, {name} ms": statistics.median(cost[name] for cost in steps) for name in FIGURES.values()}
    within = statistics.median(cost["all"] for cost in found[False])
    return {**medians, "step, worst ms": max(cost["all"] for cost in steps), "within ms": within, "steps": len(steps)}


async def interact(page: Page) -> dict[str, float]:
    """Archive, select and open from the top of the list; return the longest of each."""
    await page.evaluate(OBSERVE)
    await page.keyboard.press("Home")
    await page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    await page.keyboard.press("j")
    await page.evaluate(DRAIN)
    figures: dict[str, float] = {}
    for name, keys in {"archive": ["e"], "select": ["x", "j"], "open": ["Enter", "j"]}.items():
        durations: list[float] = []
        for _ in range(TIMES):
            for key in keys:
                await page.keyboard.press(key)
                taken = await page.evaluate(DRAIN)
                if key == keys[0]:
                    durations += taken or [16.0]  # shorter than what is told
        figures[f"{name} ms"] = statistics.median(durations)
        figures[f"{name}, worst ms"] = max(durations)
        if name == "select":
            await page.keyboard.press("Escape")
    return figures


async def measure(count: int, scrolls: int) -> dict[str, float]:
    """Return the figures of a list of so many."""
    with tempfile.TemporaryDirectory() as folder, Site(Path(folder)) as site:
        server = site.daphne()
        person = site.add_person("reader")
        site.call(FILL, user=person.pk, count=count)
        async with chromium() as browser:
            visitors = Visitors(browser)
            page = await visitors.arrive(server, person, path=CENTRE, **LOOK)
            await expect(page.locator("notification-list[data-connection=live]")).to_be_visible()
            await page.evaluate(LOAD)
            client = await page.context.new_cdp_session(page)
            await client.send("Performance.enable", {"timeDomain": "threadTicks"})
            await client.send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
            figures = {**await scroll(page, client, scrolls), **await interact(page)}
            await visitors.leave()
    return figures


async def main() -> None:
    """Measure each size, print, and keep the results for `bench/run.py report`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=int, default=[200, 2_000, 10_000], help="how many notifications")
    parser.add_argument("--scrolls", type=int, default=150, help="screens to scroll up by")
    options = parser.parse_args()
    table = Table(
        "scroll",
        "A long list on a slow device",
        f"The centre at 1440 × 900 in Chromium, its CPU slowed down {SLOWDOWN} times. “step”: time of the page's main thread"
        " for a scroll by one screen after which 50 other rows are in the document; “within”: for one after which the same"
        f" rows are. “archive”, “select”, “open”: from the key to the next frame, as Interaction to Next Paint, of {TIMES}.",
        "a step at most 50 ms; archive, select and open at most 200 ms",
        grows="notifications",
    )
    run = Run(report.RUN, shlex.join(["-m", "bench.scroll", *sys.argv[1:]]), machine.describe(), [table])
    print(f"load {' '.join(f'{load:.2f}' for load in os.getloadavg())}", flush=True)
    for size in options.sizes:
        table.add("centre", await measure(size, options.scrolls), size=size)
    print(f"\n{report.as_text([table])}\nResults: {report.save(run)}")


if __name__ == "__main__":
    asyncio.run(main())

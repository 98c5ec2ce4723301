"""Take the pictures of the documentation: every state of `tests/support/states.py`, in a real Chromium on a real Daphne.

    make screenshots
    make screenshots ARGS='panel undo'    only of these states

Writes `docs/images/*.webp` and the page that shows them, `docs/screenshots.md`; removes the pictures of states that are
no more. Each state is shown on a desktop in the light and on a phone in the dark; those in `KEY` also the other way round
and in Chinese.
"""

from __future__ import annotations

import asyncio
import base64
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.chromium import Visitors, chromium  # noqa: E402 - the line above leads there
from tests.support.proxy import Proxy  # noqa: E402
from tests.support.servers import PASSWORD, Person, Site  # noqa: E402
from tests.support.states import STATES, Stage, State, reach  # noqa: E402

if TYPE_CHECKING:
    from playwright.async_api import Page

IMAGES: Final = ROOT / "docs" / "images"
PAGE: Final = ROOT / "docs" / "screenshots.md"
SIZES: Final = {"desktop": (1280, 720, 1.0), "phone": (390, 780, 1.5)}  # CSS pixels, and pixels for each of them
QUALITY: Final = 80  # of 100: letters stay crisp, and all pictures together below 3 MB
KEY: Final = {"home", "panel", "full", "empty", "login"}
NAMES: Final = {"reader": "Uma", "staff": "Ada"}
CREATE: Final = """
User.objects.filter(username=name).delete()
staff = who == "staff"
User.objects.create_user(name, password=password, first_name=name, is_staff=staff, is_superuser=staff).pk
"""
INTRODUCTION: Final = """\
# Every state, in pictures

`make screenshots` takes these pictures and writes this page, from the table of states (`tests/support/states.py`) that the
tests of accessibility go through as well.
"""


@dataclass(frozen=True, slots=True)
class Look:
    """One way to show a state."""

    size: str
    theme: str
    language: str = "en"

    @property
    def suffix(self) -> str:
        """The look in the picture's name."""
        return "-".join([self.size, self.theme, *(["zh"] if self.language != "en" else [])])


USUAL: Final = (Look("desktop", "light"), Look("phone", "dark"))
ALL: Final = (
    *USUAL,
    Look("desktop", "dark"),
    Look("phone", "light"),
    Look("desktop", "light", "zh-hans"),
    Look("phone", "dark", "zh-hans"),
)


def looks_of(state: State) -> tuple[Look, ...]:
    """Return the ways in which a state is shown."""
    return ALL if state.name in KEY else USUAL


async def main() -> None:
    """Take the pictures and write the page."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Site(Path(folder)) as site:
        server = site.daphne(NOTIFICATIONS_SWEEP_SECONDS=0.2, ROOT_URLCONF="tests.support.urls_states")

        def invite(who: str) -> Person:
            name = NAMES[who]
            return Person(site.call(CREATE, name=name, who=who, password=PASSWORD), name)

        async with chromium() as browser, Proxy(server.port) as proxy:
            for state in [each for each in STATES if each.name in sys.argv[1:] or not sys.argv[1:]]:
                for look in looks_of(state):
                    stage = Stage(site, proxy, Visitors(browser), invite, look.language)
                    await show(state, look, stage)
    taken = {path_of(state, look) for state in STATES for look in looks_of(state)}
    for path in set(IMAGES.iterdir()) - taken:
        path.unlink()
    PAGE.write_text("\n".join([INTRODUCTION, *map(section, STATES)]))
    total = sum(path.stat().st_size for path in taken)
    print(f"{len(taken)} pictures, {total / 1e6:.1f} MB; {PAGE.relative_to(ROOT)}")


async def show(state: State, look: Look, stage: Stage) -> None:
    """Bring a state about and take its picture."""
    width, height, scale = SIZES[look.size]
    page = await reach(
        state,
        stage,
        viewport={"width": width, "height": height},
        device_scale_factor=scale,
        color_scheme=look.theme,
        locale="en-GB" if look.language == "en" else "zh-CN",
        reduced_motion="reduce",
    )
    path_of(state, look).write_bytes(await capture(page))
    await stage.visitors.leave()


async def capture(page: Page) -> bytes:
    """Return what the page shows as WebP, which Playwright's own method does not offer."""
    devtools = await page.context.new_cdp_session(page)
    picture = await devtools.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    return base64.b64decode(picture["data"])


def path_of(state: State, look: Look) -> Path:
    """Return where a picture is kept."""
    return IMAGES / f"{state.name}-{look.suffix}.webp"


def section(state: State) -> str:
    """Return a state's part of the page."""
    pictures = [
        f'<img src="images/{path_of(state, look).name}" width="{560 if look.size == "desktop" else 220}" '
        f'alt="{state.caption} ({look.suffix.replace("-", ", ")})">'
        for look in looks_of(state)
    ]
    return "\n".join([f"## {state.caption.removesuffix('.')}", "", *pictures, ""])


if __name__ == "__main__":
    asyncio.run(main())

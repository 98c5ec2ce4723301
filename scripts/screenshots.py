"""Take the pictures of the documentation: every state of `tests/support/states.py`, in real browsers on a real Daphne.

    make screenshots
    make screenshots ARGS='panel undo'          only the named pictures of these states
    make screenshots ARGS='sheets'              only the contact sheets; 'sheets-firefox-en' only these
    make screenshots ARGS='frameworks beside'   only the sites made with Bootstrap and Tailwind, and ours beside others

Writes `docs/images/*.webp` and the page that shows them, `docs/screenshots.md`; removes pictures that nothing asks for any
more. Sixty pictures have names: each state on a desktop in the light, those in `PHONE` on a phone in the dark as well.
The contact sheets hold the rest: each state in both themes and sizes, those in `PHONE` in Chinese and in Firefox too.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.chromium import CENTRE, Visitors, chromium  # noqa: E402 - the line above leads there
from tests.support.firefox import firefox  # noqa: E402
from tests.support.frameworks import FRAMEWORKS, PREPARE, dress, fetch_frameworks  # noqa: E402
from tests.support.host import Host, build, link  # noqa: E402
from tests.support.inboxes import FILL, events_of  # noqa: E402
from tests.support.proxy import Proxy  # noqa: E402
from tests.support.servers import PASSWORD, Person, Site  # noqa: E402
from tests.support.states import STATES, Stage, State, reach  # noqa: E402

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

IMAGES: Final = ROOT / "docs" / "images"
PAGE: Final = ROOT / "docs" / "screenshots.md"
SIZES: Final = {"desktop": (1280, 720, 1.0), "phone": (390, 780, 1.5)}  # CSS pixels, and pixels for each of them
QUALITY: Final = 80  # of 100: letters stay crisp
SHEET_QUALITY: Final = 50
THUMB_WIDTHS: Final = {"desktop": 320, "phone": 154}  # in a contact sheet: five or ten in a row
SHEET_WIDTH: Final = 1672
PHONE: Final = {
    *("home", "login", "panel", "toasts", "toast-storm", "full", "chosen", "notification", "empty", "selection"),
    *("undo", "settings"),
}
CHINESE: Final = {"full": ("desktop", "light"), "panel": ("phone", "dark")}
NAMES: Final = {"reader": "Mia", "staff": "Ada"}
LANGUAGES: Final = {"en": "en-GB", "zh-hans": "zh-CN"}
BROWSERS: Final = {"chromium": chromium, "firefox": firefox}
THEMES: Final = ("light", "dark")
CREATE: Final = """
User.objects.filter(username=name).delete()
staff = who == "staff"
User.objects.create_user(name, password=password, first_name=name, is_staff=staff, is_superuser=staff).pk
"""
# Ours beside others: a picture of `SIDE_BY_SIDE`, cut where each of them stands in it, in its own pixels.
BESIDE: Final = "side-by-side"
OTHERS: Final = {"Before": (20, 432), "Novu 3.19.2": (472, 404), "Knock 0.12.1": (897, 406), "The drawing": (1327, 418)}
OTHERS_TOP: Final = 34
PANEL_WIDTH: Final = 416
INTRODUCTION: Final = """\
# Every state, in pictures

`make screenshots` takes these pictures and writes this page, from the table of states (`tests/support/states.py`) that the
tests of accessibility go through as well.
"""
SHEETS_INTRODUCTION: Final = """\
## All of them at a glance

Each state in the light and in the dark, on a desktop and on a phone, in English and in Chromium; and those that a reader
sees most in Chinese and in Firefox as well.
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


@dataclass(frozen=True, slots=True)
class Sheet:
    """One contact sheet."""

    browser: str
    look: Look

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return IMAGES / f"sheet-{self.browser}-{self.look.suffix}.webp"

    @property
    def caption(self) -> str:
        """What it holds."""
        language = "English" if self.look.language == "en" else "Chinese"
        return f"{self.browser.capitalize()}, {self.look.size}, {self.look.theme}, {language}"


SHEETS: Final = [
    Sheet(browser, Look(size, theme, language))
    for browser in BROWSERS
    for language in LANGUAGES
    for size in SIZES
    for theme in THEMES
]
OTHER_PICTURES: Final = [*(f"{name}-desktop-{theme}.webp" for name in FRAMEWORKS for theme in THEMES), f"{BESIDE}.webp"]


def looks_of(state: State) -> list[Look]:
    """Return the ways in which a state has a picture of its own."""
    looks = [Look("desktop", "light")]
    if state.name in PHONE:
        looks.append(Look("phone", "dark"))
    if state.name in CHINESE:
        looks.append(Look(*CHINESE[state.name], "zh-hans"))
    return looks


def expected_names() -> set[str]:
    """Return the names of all pictures, as they belong into the folder."""
    named = {path_of(state, look).name for state in STATES for look in looks_of(state)}
    return {*named, *(sheet.path.name for sheet in SHEETS), *OTHER_PICTURES}


async def main(wanted: set[str]) -> None:
    """Take the pictures and write the page."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Site(Path(folder)) as site:
        server = site.daphne(NOTIFICATIONS_SWEEP_SECONDS=0.2, ROOT_URLCONF="tests.support.urls_states")
        async with Proxy(server.port) as proxy:
            async with chromium() as browser:
                for state in STATES:
                    for look in looks_of(state) if not wanted or state.name in wanted else ():
                        await show(state, look, make_stage(site, proxy, browser, look.language))
                if not wanted or "beside" in wanted:
                    await show_beside(make_stage(site, proxy, browser, "en"))
            for name, start in BROWSERS.items():
                languages = [each for each in LANGUAGES if not wanted or wanted & {"sheets", f"sheets-{name}-{each}"}]
                if languages:
                    async with start() as browser, chromium() as painter:
                        for language in languages:
                            await fill_sheets(name, make_stage(site, proxy, browser, language), painter)
        if not wanted or "frameworks" in wanted:
            async with chromium() as browser:
                await show_frameworks(Path(folder), browser)
    for path in IMAGES.iterdir():
        if path.name not in expected_names():
            path.unlink()
    PAGE.write_text("\n".join([INTRODUCTION, *map(section, STATES), *sheet_lines(), ""]))
    sizes = [path.stat().st_size for path in IMAGES.iterdir()]
    print(f"{len(sizes)} pictures, {sum(sizes) / 1e6:.1f} MB; {PAGE.relative_to(ROOT)}")


def make_stage(site: Site, proxy: Proxy, browser: Browser, language: str) -> Stage:
    """Return a stage on which states are played in one language."""

    def invite(who: str) -> Person:
        name = NAMES[who]
        return Person(site.call(CREATE, name=name, who=who, password=PASSWORD), name)

    return Stage(site, proxy, Visitors(browser), invite, language)


# --- pictures with a name


async def show(state: State, look: Look, stage: Stage) -> None:
    """Bring a state about and take its picture."""
    width, height, scale = SIZES[look.size]
    page = await reach(
        state,
        stage,
        viewport={"width": width, "height": height},
        device_scale_factor=scale,
        color_scheme=look.theme,
        locale=LANGUAGES[look.language],
        reduced_motion="reduce",
    )
    path_of(state, look).write_bytes(await capture(page))
    await stage.visitors.leave()


async def capture(page: Page, quality: int = QUALITY, **options: Any) -> bytes:
    """Return what the page shows as WebP, which Playwright's own method does not offer."""
    devtools = await page.context.new_cdp_session(page)
    picture = await devtools.send("Page.captureScreenshot", {"format": "webp", "quality": quality, **options})
    return base64.b64decode(picture["data"])


async def show_frameworks(folder: Path, browser: Browser) -> None:
    """Take the pictures of sites made with a CSS framework: the panel in the light, the centre in the dark."""
    app = link(folder / "app")
    fetched = fetch_frameworks(folder / "fetched")
    for framework in FRAMEWORKS.values():
        host = build(Host(make_folder(folder / framework.name), app))
        dress(host, framework.name, fetched)
        host.run(PREPARE.format(key=host.people["user1"][0], events=events_of("full")) + FILL)
        visitors = Visitors(browser)
        with host.runserver() as (_process, url):
            width, height, _scale = SIZES["desktop"]
            page = await visitors.arrive(
                url,
                session=host.people["user1"][1],
                viewport={"width": width, "height": height},
                reduced_motion="reduce",
            )
            await page.locator(".notification-bell").click()
            await page.locator(".notification-panel .notification-item").last.wait_for()
            (IMAGES / f"{framework.name}-desktop-light.webp").write_bytes(await capture(page))
            await page.goto(CENTRE)
            mark = [framework.attribute, framework.themes["dark"]]
            await page.locator("html").evaluate("(html, [name, value]) => html.setAttribute(name, value)", mark)
            await page.locator("notification-list[data-connection=live]").wait_for()
            await page.locator(".notification-item").nth(1).click()
            await page.locator(".notification-detail__title").wait_for()
            (IMAGES / f"{framework.name}-desktop-dark.webp").write_bytes(await capture(page))
            await visitors.leave()


def make_folder(path: Path) -> Path:
    """Make a new folder; return it."""
    path.mkdir()
    return path


async def show_beside(stage: Stage) -> None:
    """Put our panel beside those of others with the same data, where `SIDE_BY_SIDE` names a picture of them."""
    state = next(state for state in STATES if state.name == "panel")
    columns: list[tuple[str, str]] = []
    others = os.environ.get("SIDE_BY_SIDE")
    if others:
        address = as_address(await asyncio.to_thread(Path(others).read_bytes), "png")
        for name, (left, width) in OTHERS.items():
            style = f"inline-size:{width}px;block-size:676px;background:url({address}) -{left}px -{OTHERS_TOP}px"
            columns.append((name, f'<div style="{style}"></div>'))
    for theme in THEMES:
        page = await reach(
            state, stage, viewport={"width": 1440, "height": 760}, color_scheme=theme, reduced_motion="reduce"
        )
        picture = await page.locator(".notification-panel").screenshot(type="png")
        tag = f'<img width="{PANEL_WIDTH}" src="{as_address(picture, "png")}">'
        columns.append((f"Ours today, {theme}", tag))
        await stage.visitors.leave()
    figures = "".join(f"<figure><figcaption>{name}</figcaption>{content}</figure>" for name, content in columns)
    picture = await paint(stage.visitors.browser, figures, width=sum(440 for _ in columns), quality=QUALITY)
    (IMAGES / f"{BESIDE}.webp").write_bytes(picture)


# --- contact sheets


async def fill_sheets(browser: str, stage: Stage, painter: Browser) -> None:
    """Play each state once and look at it in each size and theme; write the sheets of this browser and language."""
    sheets = [sheet for sheet in SHEETS if sheet.browser == browser and sheet.look.language == stage.language]
    thumbs: dict[Sheet, list[tuple[str, bytes]]] = {sheet: [] for sheet in sheets}
    for state in STATES:
        if (browser, stage.language) != ("chromium", "en") and state.name not in PHONE:
            continue
        width, height, _scale = SIZES["desktop"]
        page = await reach(
            state,
            stage,
            viewport={"width": width, "height": height},
            locale=LANGUAGES[stage.language],
            **({} if browser == "firefox" else {"reduced_motion": "reduce"}),
        )
        for sheet in sheets:
            width, height, _scale = SIZES[sheet.look.size]
            await page.set_viewport_size({"width": width, "height": height})
            await choose_theme(page, sheet.look.theme, is_firefox=browser == "firefox")
            thumbs[sheet].append((state.name, await page.screenshot(type="jpeg", quality=80)))
        await stage.visitors.leave()
    for sheet in sheets:
        width = THUMB_WIDTHS[sheet.look.size]
        figures = "".join(
            f'<figure><figcaption>{name}</figcaption><img width="{width}" src="{as_address(picture, "jpeg")}"></figure>'
            for name, picture in thumbs[sheet]
        )
        sheet.path.write_bytes(await paint(painter, figures, width=SHEET_WIDTH, quality=SHEET_QUALITY))


async def choose_theme(page: Page, theme: str, *, is_firefox: bool) -> None:
    """Have a page that is open show itself light or dark. In Firefox by the page's own scheme."""
    if is_firefox:
        await page.evaluate("theme => { document.documentElement.style.colorScheme = theme }", theme)
    else:
        await page.emulate_media(color_scheme="dark" if theme == "dark" else "light")


async def paint(browser: Browser, figures: str, *, width: int, quality: int) -> bytes:
    """Return figures in rows as one picture, as high as they need."""
    page = await browser.new_page(viewport={"width": width, "height": 100})
    await page.set_content(
        "<style>body{margin:12px;display:flex;flex-wrap:wrap;gap:12px;align-items:start;background:#8a8f98;"
        "font:600 13px system-ui}figure{margin:0;display:grid;gap:4px}img{display:block}</style>" + figures
    )
    height = await page.evaluate("document.documentElement.scrollHeight")
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    picture = await capture(page, quality, captureBeyondViewport=True, clip=clip)
    await page.close()
    return picture


def as_address(picture: bytes, kind: str) -> str:
    """Return a picture as an address that holds it."""
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


# --- the page


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


def sheet_lines() -> Iterable[str]:
    """Return the page's part with the contact sheets."""
    yield SHEETS_INTRODUCTION
    yield from (f'<img src="images/{sheet.path.name}" width="820" alt="{sheet.caption}.">' for sheet in SHEETS)


if __name__ == "__main__":
    asyncio.run(main(set(sys.argv[1:])))

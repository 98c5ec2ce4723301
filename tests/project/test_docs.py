"""The documentation site: it builds without a warning, needs nothing from elsewhere, and agrees with the code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import pytest
from django.test import Client

from scripts.reference import PAGES, pages
from tests.support.shell import ROOT

# What a browser fetches by itself when it shows a page; a link that a reader may follow is none of these.
FETCHED: Final = {("script", "src"), ("img", "src"), ("link", "href"), ("source", "src"), ("iframe", "src")}
CHECKS: Final = re.compile(r"notifications\.[EWI]\d{3}")
# A finding of the doctor where it is made. What is put together of two words is named by hand.
FINDING: Final = re.compile(r"""(?:well|note|risky|broken|else risky\))\(\s*"([a-z_.]+)\"""")
PUT_TOGETHER: Final = {
    *("server.deaf", "server.sweep", "server.database"),
    *("static.unserved", "static.type", "static.cors"),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it: strict, so a dead link, a dead anchor or a page without a menu fails."""
    folder = tmp_path_factory.mktemp("site")
    # Not --quiet: it passes over dead anchors.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    ran = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return folder


class Addresses(HTMLParser):
    """Collects what a page fetches, and what it links to on this site."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.fetched: set[str] = set()
        self.local: set[str] = set()
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the addresses of one tag."""
        for name, value in attrs:
            if name not in ("src", "href") or not value:
                continue
            if (tag, name) in FETCHED and dict(attrs).get("rel") != "canonical":
                self.fetched.add(value)
            if not re.match(r"(?:[a-z]+:|//|#)", value):
                self.local.add(unquote(re.sub(r"[?#].*", "", value)))


def test_the_site_builds_and_asks_no_other_host(site: Path) -> None:
    """Fonts, scripts, styles and pictures are the site's own, so it can be read offline."""
    found = sorted(site.rglob("*.html"))
    assert len(found) > 60
    for page in found:
        elsewhere = {address for address in Addresses(page).fetched if re.match(r"(?:https?:)?//", address)}
        assert elsewhere == set(), page.name
    for style in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import )[\"']?(?:https?:)?//", style.read_text()), style.name


def test_all_that_a_page_shows_is_there(site: Path) -> None:
    """Pictures in HTML too, which MkDocs does not look at."""
    for page in site.rglob("*.html"):
        if page.name == "404.html":  # its links begin at the root
            continue
        for address in Addresses(page).local:
            assert (page.parent / address).exists(), (page.name, address)


def test_the_reference_is_as_the_code() -> None:
    """Settings, models, commands and events are those of the code; otherwise: `make reference`."""
    for path, text in pages():
        assert path.read_text() == text, path.name


def test_every_system_check_is_documented_and_nothing_else() -> None:
    """The table lists each id that the code can report, once."""
    code = "".join(path.read_text() for path in (ROOT / "notifications" / "checks").glob("*.py"))
    listed = re.findall(r"^\| `(notifications\.[EWI]\d{3})` \|", (PAGES / "checks.md").read_text(), re.MULTILINE)
    assert listed == sorted(set(listed), key=lambda check: ("EWI".index(check[14]), check))
    assert set(listed) == set(CHECKS.findall(code))


def test_every_finding_of_the_doctor_is_documented_and_nothing_else() -> None:
    """The table of "The bell does not move" lists each code, once; the parts of the process's health are those it has."""
    code = "".join(path.read_text() for path in (ROOT / "notifications" / "management" / "doctor").glob("*.py"))
    page = (ROOT / "docs" / "howto" / "bell-does-not-move.md").read_text().partition("## What the doctor finds\n")[2]
    listed = [
        each for cell in re.findall(r"^\| (`.+?) \|", page, re.MULTILINE) for each in re.findall(r"`(.+?)`", cell)
    ]
    assert sorted(listed) == sorted({*FINDING.findall(code), *PUT_TOGETHER})
    health = (ROOT / "notifications" / "operations" / "health.py").read_text()
    assert {f"server.{name}" for name in re.findall(r'"code": "(\w+)"', health)} <= PUT_TOGETHER


def test_every_request_of_the_api_is_documented_and_nothing_else(client: Client, db: None) -> None:
    """The table lists each method and address of the API's own description."""
    rows = re.findall(r"^\| ((?:`[A-Z]+` )*)`([A-Z]+) ([\w/-]+)", (PAGES / "api.md").read_text(), re.MULTILINE)
    listed = {
        (method, address.replace("12", "{id}"))
        for others, last, address in rows
        for method in (*re.findall(r"\w+", others), last)
    }
    described = client.get("/notifications/api/openapi.json").json()["paths"]
    prefix = "/notifications/api/"
    assert listed == {(method.upper(), path.removeprefix(prefix)) for path in described for method in described[path]}

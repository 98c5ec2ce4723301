"""What a page loads, as it travels: compressed, file by file, and no more than it is today."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.template.loader import get_template

import notifications

STATIC = Path(notifications.__file__).parent / "static" / "notifications"
TEMPLATES = STATIC.parents[1] / "templates"
ADDRESS = re.compile(r"""\{% static 'notifications/([^']+\.(?:js|css))' %\}""")
IMPORT = re.compile(r"""^import [^;]*?["'](\.[^"']+)["']|\bimport\("(\.[^"]+)"\)""", re.MULTILINE)


def sizes() -> dict[str, int]:
    """Return what each script and style takes on the wire, in bytes."""
    paths = sorted(path for kind in ("js", "css") for path in STATIC.rglob(f"*.{kind}"))
    return {str(path.relative_to(STATIC)): len(gzip.compress(path.read_bytes(), 9)) for path in paths}


def loaded() -> set[str]:
    """Return every script and style that templates name, and what these import in turn."""
    waiting = {name for path in TEMPLATES.rglob("*.html") for name in ADDRESS.findall(path.read_text())}
    # named by the Media of the admin's classes
    waiting |= {"admin/admin.css", "admin/broadcast_form.js", "admin/recipients.js"}
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        found.add(name)
        path = STATIC / name
        imported = {(path.parent / (first or late)).resolve() for first, late in IMPORT.findall(path.read_text())}
        waiting |= {str(each.relative_to(STATIC)) for each in imported} - found
    return found


def scripts_of(*entries: str) -> dict[str, int]:
    """Return what each script takes that these entries bring at once, without those that wait until they are wanted."""
    waiting, found = list(entries), set[str]()
    while waiting:
        name = waiting.pop()
        found.add(name)
        path = STATIC / name
        imported = {(path.parent / first).resolve() for first, _late in IMPORT.findall(path.read_text()) if first}
        waiting += sorted({str(each.relative_to(STATIC)) for each in imported} - found)
    return {name: size for name, size in sizes().items() if name in found}


# In bytes, comments included: a little above what it is. Raise one only with a reason.
MOST = {
    "a page with a bell": (("index.js",), 43_000),
    "with the panel open, and the centre": (("index.js", "lists.js"), 66_000),
    "with a notification beside the list": (("index.js", "lists.js", "elements/detail.js"), 69_500),
}


@pytest.mark.parametrize("page", MOST)
def test_a_page_grows_only_on_purpose(page: str) -> None:
    """The scripts that a page brings stay within what they were; the largest are named."""
    entries, most = MOST[page]
    scripts = scripts_of(*entries)
    largest = sorted(scripts, key=lambda name: scripts[name], reverse=True)[:5]
    assert sum(scripts.values()) <= most, (
        f"{page}: {sum(scripts.values())} B in {len(scripts)} files; look at {largest}"
    )


def test_the_report_names_all_that_travels(record_property: Callable[[str, object], None]) -> None:
    """Every module and style that a page can load is in the report, and no file is served that none loads."""
    report = sizes()
    for name, size in report.items():
        record_property(name, size)
        print(f"{size:6} B  {name}")
    for kind in ("js", "css"):
        print(f"{sum(size for name, size in report.items() if name.endswith(kind)):6} B  all {kind}")
    assert set(report) == loaded()


@pytest.mark.parametrize("name", ["live_notifications/bell.html", "live_notifications/centre.html"])
def test_a_template_names_what_exists(name: str) -> None:
    """A script or style that a template names is there to be served."""
    source = Path(get_template(name).origin.name).read_text()  # type: ignore[attr-defined]
    names = ADDRESS.findall(source)
    assert names
    assert [each for each in names if not (STATIC / each).is_file()] == []

"""Modules find each other however a site serves static files, and soon; styles are in layers."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles.finders import AppDirectoriesFinder
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage

import notifications

IMPORT = re.compile(r"""^(?:import|export) ?[^;]*?["'](\.[^"']+)["'];""", re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
STATIC = Path(notifications.__file__).parent / "static" / "notifications"
ENTRIES = ("notifications/index.js", "notifications/admin/broadcast.js")


class HashedModules(ManifestStaticFilesStorage):
    """Writes hashed names into the imports of modules as well."""

    support_js_module_import_aggregation = True


def collect(storage: ManifestStaticFilesStorage) -> None:
    """Do what `collectstatic` does for the app."""
    finder = AppDirectoriesFinder(app_names=["notifications"])
    paths = {}
    for name, source in finder.list([]):
        with source.open(name) as file:
            storage.save(name, file)
        paths[name] = (storage, name)
    results = list(storage.post_process(paths))
    assert [result for _name, _hashed, result in results if isinstance(result, Exception)] == []


def follow(root: Path, entry: str) -> set[str]:
    """Return a module and all that it imports, as a browser would ask for them."""
    waiting, found = {entry}, set()
    while waiting:
        name = waiting.pop()
        found.add(name)
        code = COMMENT.sub("", (root / name).read_text())
        waiting |= {posixpath.normpath(posixpath.join(posixpath.dirname(name), each)) for each in IMPORT.findall(code)}
        waiting -= found
    return found


@pytest.mark.parametrize("kind", [ManifestStaticFilesStorage, HashedModules])
@pytest.mark.parametrize("entry", ENTRIES)
def test_modules_find_each_other_under_hashed_names(
    kind: type[ManifestStaticFilesStorage], entry: str, tmp_path: Path
) -> None:
    """Every module that a page loads is there under the name by which it is imported, hashed where that is asked for."""
    storage = kind(location=tmp_path, base_url="/static/")
    collect(storage)
    hashed = storage.stored_name(entry)
    names = follow(tmp_path, hashed)
    assert len(names) > 5
    if kind is HashedModules:
        plain = {name for name in names if not re.search(r"\.[0-9a-f]{12}\.js$", name)}
        assert plain == set()


def depth_of(entry: str) -> int:
    """Return in how many rounds a browser learns of all the modules that a page loads, the first one included."""
    rounds, found, latest = 0, set[str](), {entry}
    while latest:
        rounds += 1
        found |= latest
        imported = {
            posixpath.normpath(posixpath.join(posixpath.dirname(name), each))
            for name in latest
            for each in IMPORT.findall(COMMENT.sub("", (STATIC / name).read_text()))
        }
        latest = imported - found
    return rounds


def test_a_page_learns_of_its_modules_soon() -> None:
    """Three rounds of requests bring all modules, for `index.js` names those that are deep."""
    assert depth_of("index.js") == 3


# --- styles

# Admin pages: Django's own styles are in no layer, and these must win over them.
UNLAYERED = {"admin/admin.css"}


@pytest.mark.parametrize("name", sorted({str(path.relative_to(STATIC)) for path in STATIC.rglob("*.css")} - UNLAYERED))
def test_styles_are_in_layers(name: str) -> None:
    """No order of the links matters: each file names the same layers, and all rules are in them but those that give way."""
    text = COMMENT.sub("", (STATIC / name).read_text())
    assert text.split(";", 1)[0].strip() == "@layer notifications.base, notifications.parts"
    rules = re.findall(r"^([^\s@}][^{}]*)\{([^{}]*)\}", text, re.MULTILINE)
    assert {body.strip() for _selector, body in rules} <= {"all: revert-layer;"}
    blocks = set(re.findall(r"^(@[^{;]*)\{", text, re.MULTILINE))
    assert {block.strip() for block in blocks} <= {"@layer notifications.base", "@layer notifications.parts"}

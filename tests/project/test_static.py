"""Modules find each other however a site serves static files, and soon; styles are in layers."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from django.contrib.staticfiles.finders import AppDirectoriesFinder
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

import notifications
from notifications.pages import static_files

IMPORT = re.compile(r"""^(?:import|export) ?[^;]*?["'](\.[^"']+)["'];""", re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
STATIC = Path(notifications.__file__).parent / "static" / "notifications"
HASHED = re.compile(r"\.[0-9a-f]{12}\.js$")
ENTRIES = (
    "notifications/index.js",
    "notifications/lists.js",
    "notifications/elements/detail.js",
    "notifications/admin/broadcast.js",
)


class OwnHashedModules(ManifestStaticFilesStorage):
    """A site's own storage, which rewrites the imports of all modules."""

    support_js_module_import_aggregation = True


class WhiteNoise(CompressedManifestStaticFilesStorage):
    """Keeps hashed names alone, as with WHITENOISE_KEEP_ONLY_HASHED_FILES."""

    keep_only_hashed_files = True


def collect(storage: ManifestStaticFilesStorage, more: Mapping[str, bytes] | None = None) -> None:
    """Do what `collectstatic` does for the app, with bytes at the end of some files."""
    finder = AppDirectoriesFinder(app_names=["notifications"])
    paths = {}
    for name, source in finder.list([]):
        with source.open(name) as file:
            storage.save(name, ContentFile(file.read() + (more or {}).get(name, b"")))
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


@pytest.mark.parametrize("kind", [ManifestStaticFilesStorage, OwnHashedModules, WhiteNoise])
@pytest.mark.parametrize("entry", ENTRIES)
def test_modules_find_each_other_under_hashed_names(
    kind: type[ManifestStaticFilesStorage], entry: str, tmp_path: Path
) -> None:
    """Every module that a page loads is there under the name by which it is imported, and that name has a hash in it."""
    storage = kind(location=tmp_path, base_url="/static/")
    collect(storage)
    names = follow(tmp_path, storage.stored_name(entry))
    assert len(names) > 5
    assert {name for name in names if not HASHED.search(name)} == set()
    assert (tmp_path / entry).exists() == (kind is not WhiteNoise)


def test_a_changed_module_changes_the_names_of_all_that_lead_to_it(tmp_path: Path) -> None:
    """A browser that keeps files for good asks for each module on the way from the page to the one that changed."""
    before, after = (ManifestStaticFilesStorage(location=tmp_path / name, base_url="/static/") for name in "ab")
    collect(before)
    collect(after, {"notifications/state/position.js": b"\n// changed\n"})
    names = [
        set().union(*(follow(Path(storage.location), storage.stored_name(entry)) for entry in ENTRIES[:2]))
        for storage in (before, after)
    ]
    changed = {HASHED.sub(".js", name) for name in names[0] - names[1]}
    assert {"index", "lists", "state/position", "state/store", "connection/connection", "elements/list"} <= {
        name.removeprefix("notifications/").removesuffix(".js") for name in changed
    }
    assert "notifications/connection/backoff.js" not in changed


def test_others_modules_are_left_alone(tmp_path: Path) -> None:
    """A site's own module keeps its imports, whatever they lead to: rewriting them is the site's own choice."""
    storage = ManifestStaticFilesStorage(location=tmp_path, base_url="/static/")
    code = b'import "./nowhere.js";\n'
    storage.save("site/index.js", ContentFile(code))
    assert [result for *_, result in storage.post_process({"site/index.js": (storage, "site/index.js")})] == [True]
    assert Path(storage.path(storage.stored_name("site/index.js"))).read_bytes() == code


def test_modules_are_written_as_the_pattern_expects() -> None:
    """Each import and export from another module is found, also of what is loaded late, and names have one dot."""
    for path in STATIC.rglob("*.js"):
        code = COMMENT.sub("", path.read_text())
        found = re.findall(static_files.IMPORT, code) + re.findall(static_files.LATE_IMPORT, code)
        assert len(found) == len(re.findall(r"""["']\.{1,2}/""", code)), path
        assert path.name.count(".") == 1
        assert len(re.findall(static_files.LATE_IMPORT, code)) == code.count("import("), path


def depth_of(entry: str, found: set[str]) -> int:
    """Return in how many rounds a browser learns of all the modules that an entry brings, and add them to those it has."""
    rounds, latest = 0, {entry}
    while latest:
        rounds += 1
        found.update(latest)
        imported = {
            posixpath.normpath(posixpath.join(posixpath.dirname(name), each))
            for name in latest
            for each in IMPORT.findall(COMMENT.sub("", (STATIC / name).read_text()))
        }
        latest = imported - found
    return rounds


def test_a_page_learns_of_its_modules_soon() -> None:
    """Three rounds of requests bring all modules, for an entry names those that are deep; a list's come after the bell's."""
    known = set[str]()
    assert depth_of("index.js", known) == 3
    assert depth_of("lists.js", known) == 2


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

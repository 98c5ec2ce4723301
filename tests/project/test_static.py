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

# As a browser reads what is built: imports stand first, each behind another one. A site's own storage adds spaces.
IMPORT = re.compile(r"""(?:^|;)import(?:\{[^}]*\} ?from ?)?"(\.[^"]+)"(?=;|$)""", re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
FOLDER = Path(notifications.__file__).parent
STATIC = FOLDER / "static" / "notifications"
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


def imports(root: Path, name: str) -> set[str]:
    """Return what a module imports at once."""
    code = (root / name).read_text()
    return {posixpath.normpath(posixpath.join(posixpath.dirname(name), each)) for each in IMPORT.findall(code)}


def follow(root: Path, entry: str) -> set[str]:
    """Return a module and all that it imports, as a browser would ask for them."""
    waiting, found = {entry}, set()
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= imports(root, name)
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
    assert len(names) > 1
    assert {name for name in names if not HASHED.search(name)} == set()
    assert (tmp_path / entry).exists() == (kind is not WhiteNoise)


def test_a_changed_module_changes_the_names_of_all_that_lead_to_it(tmp_path: Path) -> None:
    """A browser that keeps files for good asks for each module on the way from the page to the one that changed."""
    before, after = (ManifestStaticFilesStorage(location=tmp_path / name, base_url="/static/") for name in "ab")
    root = STATIC.parent
    deep = max(follow(root, ENTRIES[0]), key=lambda name: sum(name in follow(root, each) for each in ENTRIES))
    assert deep not in ENTRIES
    collect(before)
    collect(after, {deep: b"\n// changed\n"})
    names = [{name: storage.stored_name(name) for name in all_modules()} for storage in (before, after)]
    changed = {name for name in names[0] if names[0][name] != names[1][name]}
    assert changed == {name for name in names[0] if deep in follow_all(root, name)}
    assert set(ENTRIES) <= changed < set(names[0])


def all_modules() -> list[str]:
    """Return the names of all modules that are built."""
    return sorted(str(path.relative_to(STATIC.parent)) for path in STATIC.rglob("*.js"))


def follow_all(root: Path, entry: str) -> set[str]:
    """Return a module, all that it imports, and what any of these loads when it is wanted."""
    waiting, found = {entry}, set()
    while waiting:
        name = waiting.pop()
        found.add(name)
        late = re.findall(r"""\bimport\("(\.[^"]+)"\)""", (root / name).read_text())
        waiting |= imports(root, name)
        waiting |= {posixpath.normpath(posixpath.join(posixpath.dirname(name), each)) for each in late}
        waiting -= found
    return found


def test_others_modules_are_left_alone(tmp_path: Path) -> None:
    """A site's own module keeps its imports, whatever they lead to: rewriting them is the site's own choice."""
    storage = ManifestStaticFilesStorage(location=tmp_path, base_url="/static/")
    code = b'import "./nowhere.js";\n'
    storage.save("site/index.js", ContentFile(code))
    assert [result for *_, result in storage.post_process({"site/index.js": (storage, "site/index.js")})] == [True]
    assert Path(storage.path(storage.stored_name("site/index.js"))).read_bytes() == code


def test_modules_are_built_as_the_pattern_expects() -> None:
    """Each import and export from another module is found, also of what is loaded late, and names have one dot."""
    for path in STATIC.rglob("*.js"):
        code = path.read_text()
        found = re.findall(static_files.IMPORT, code) + re.findall(static_files.LATE_IMPORT, code)
        assert len(found) == len(re.findall(r"""["'`]\.{1,2}/""", code)), path
        assert path.name.count(".") == 1
        assert len(re.findall(static_files.LATE_IMPORT, code)) == len(re.findall(r"\bimport\(", code)), path


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_page_names_all_that_an_entry_imports(entry: str) -> None:
    """One round of requests brings all of it, and whoever reads the tags from another place agrees."""
    html = static_files.write_scripts((entry,), nonce="")
    preloads = re.findall(r"""<link rel="modulepreload" href="/static/([^"]+)">""", html)
    assert sorted(preloads) == sorted(follow(STATIC.parent, entry) - {entry})
    assert re.findall(r"""<script type="module" src="/static/([^"]+)"></script>""", html) == [entry]


def test_what_is_loaded_when_it_is_wanted_comes_in_two_rounds() -> None:
    """It names what it imports besides what the page has; nothing of that leads further."""
    root = STATIC.parent
    for entry in ENTRIES[:3]:
        known = follow(root, entry)
        for name in follow_all(root, entry) - known:
            second = imports(root, name) - known
            assert follow(root, name) - known <= {name} | second, name


# --- styles

# Admin pages: Django's own styles are in no layer, and these must win over them.
UNLAYERED = {"admin/admin.css"}


FRONTEND = FOLDER / "frontend"
STYLES = sorted({str(path.relative_to(FRONTEND)) for path in FRONTEND.rglob("*.css")} - UNLAYERED)


@pytest.mark.parametrize("name", STYLES)
def test_styles_are_in_layers(name: str) -> None:
    """No order of the links matters: each file names the same layers, and all rules are in them but those that give way."""
    text = COMMENT.sub("", (FRONTEND / name).read_text())
    assert text.split(";", 1)[0].strip() == "@layer notifications.base, notifications.parts"
    rules = re.findall(r"^([^\s@}][^{}]*)\{([^{}]*)\}", text, re.MULTILINE)
    assert {body.strip() for _selector, body in rules} <= {"all: revert-layer;"}
    blocks = set(re.findall(r"^(@[^{;]*)\{", text, re.MULTILINE))
    assert {block.strip() for block in blocks} <= {"@layer notifications.base", "@layer notifications.parts"}


@pytest.mark.parametrize("name", sorted({str(path.relative_to(STATIC)) for path in STATIC.rglob("*.css")} - UNLAYERED))
def test_built_styles_are_in_layers(name: str) -> None:
    """What travels names the layers first, too."""
    assert (STATIC / name).read_text().startswith("@layer notifications.base,notifications.parts;")

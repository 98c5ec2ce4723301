"""The front end's modules find each other however a site serves static files: under their own names or under hashed ones."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles.finders import AppDirectoriesFinder
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage

IMPORT = re.compile(r"""^(?:import|export) ?[^;]*?["'](\.[^"']+)["'];""", re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
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

"""What travels is what the sources make: nobody has forgotten to build, and who builds gets the same."""

from __future__ import annotations

import filecmp
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from django.template.loader import get_template

import notifications
from notifications.pages.static_files import LATE_IMPORT, find_all_imports
from scripts import build_scripts
from tests.support.budgets import expect_within, size_of
from tests.support.shell import ROOT

FOLDER: Final = Path(notifications.__file__).parent
ADDRESS: Final = re.compile(r"""["'](notifications/[\w/]+\.(?:js|css))["']""")
HOW: Final = "What travels is not what notifications/frontend/ makes: run `make scripts` and commit what it writes."


def names(folder: Path) -> set[str]:
    """Return the scripts and styles in a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix in build_scripts.KINDS}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the sources of now were built."""
    folder = tmp_path_factory.mktemp("built")
    build_scripts.build(folder)
    return folder


def test_what_travels_is_up_to_date(built: Path) -> None:
    """The files that are committed are those that a build makes, byte for byte, and no others."""
    assert names(build_scripts.BUILT) == names(built), HOW
    _same, changed, unread = filecmp.cmpfiles(build_scripts.BUILT, built, names(built), shallow=False)
    assert changed + unread == [], HOW


def test_a_build_takes_away_what_is_no_longer_made(built: Path, tmp_path: Path) -> None:
    """Also where the former one left a chunk of another name, and nothing is written that is so already."""
    (tmp_path / "chunks").mkdir()
    (tmp_path / "chunks" / "chunk_OF_BEFORE.js").touch()
    (tmp_path / "icon.png").touch()
    changed, made = build_scripts.build(tmp_path)
    assert set(changed) == {*made, "chunks/chunk_OF_BEFORE.js"}
    assert names(tmp_path) == names(built)
    assert (tmp_path / "icon.png").exists()
    assert build_scripts.build(tmp_path)[0] == []


def test_a_script_of_the_admins_leaves_no_names() -> None:
    """A classic script shares its names with the page; what it says stands in a function of its own."""
    for name in build_scripts.CLASSIC:
        assert (build_scripts.BUILT / name).read_text().startswith('"use strict";(()=>{'), name


def test_the_version_that_builds_is_pinned() -> None:
    """What makes the files is one version and no range: another one would make others."""
    version = json.loads((ROOT / "package.json").read_text())["devDependencies"]["esbuild"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)


def named() -> Iterator[str]:
    """Yield what templates and the admin's classes name."""
    paths = [*(FOLDER / "templates").rglob("*.html"), *(FOLDER / "admin").rglob("*.py")]
    for path in paths:
        yield from ADDRESS.findall(path.read_text())


def test_no_file_is_served_that_none_loads() -> None:
    """Every module and style is named by a template or an admin's class, or imported, at once or when it is wanted."""
    static = build_scripts.BUILT.parent
    waiting, found = set(named()), set[str]()
    while waiting:
        name = waiting.pop()
        found.add(name)
        if name.endswith(".js"):
            late = re.finditer(LATE_IMPORT, (static / name).read_text())
            waiting |= {
                str((static / name).parent.joinpath(each["url"]).resolve().relative_to(static)) for each in late
            }
            waiting |= set(find_all_imports(name))
            waiting -= found
    assert found == {f"notifications/{name}" for name in names(build_scripts.BUILT)}


@pytest.mark.parametrize("name", ["live_notifications/bell.html", "live_notifications/centre.html"])
def test_a_template_names_what_exists(name: str) -> None:
    """A script or style that a template names is there to be served."""
    source = Path(get_template(name).origin.name).read_text()  # type: ignore[attr-defined]
    addresses = ADDRESS.findall(source)
    assert addresses
    assert [each for each in addresses if not (build_scripts.BUILT.parent / each).is_file()] == []


def test_all_of_it_is_small(record_property: Callable[[str, object], None], tmp_path: Path) -> None:
    """44 KB of scripts and 12 KB of styles at most, whatever a reader does; the report names each file."""
    sizes = {name: size_of(name) for name in sorted(names(build_scripts.BUILT))}
    for name, size in sizes.items():
        record_property(name, size)
        print(f"{size:6} B  {name}")
    scripts, styles = (
        {name: size for name, size in sizes.items() if name.endswith(kind)} for kind in build_scripts.KINDS
    )
    expect_within(scripts, 44, "all scripts", tmp_path)
    expect_within(styles, 12, "all styles", tmp_path)

"""Build what travels: the scripts and styles that pages load, from those that are read.

    make scripts
    make scripts ARGS=--watch      builds anew whenever a source changes
    make scripts ARGS=--sizes      says besides what each file takes on the wire, and which sources make it so

Reads `notifications/frontend/`, writes `notifications/static/notifications/`. The result is committed, so that a site needs
Python alone. The same sources give the same files, byte for byte: esbuild has the version that package.json names.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCES: Final = ROOT / "notifications" / "frontend"
BUILT: Final = ROOT / "notifications" / "static" / "notifications"
# What templates name. Whatever else a page needs becomes a chunk that these import, at once or when it is wanted.
MODULES: Final = (
    "index.js",
    "lists.js",
    "elements/preview.js",
    "elements/search_form.js",
    "elements/detail.js",
    "admin/broadcast.js",
)
# The admin loads what a Media class names as classic scripts: nothing of theirs may become a name of the page.
CLASSIC: Final = ("admin/broadcast_form.js", "admin/recipients.js")
# What styles are called as they travel; what two of them are made of is asked for together.
STYLES: Final = {
    "notifications.css": "bell.css",
    "centre.css": "lists.css",
    **{name: name for name in ("detail.css", "page.css", "tokens.css", "admin/admin.css")},
}
KINDS: Final = (".js", ".css")
OPTIONS: Final = (
    "--bundle",
    "--minify",
    "--target=es2022",
    "--charset=utf8",
    "--legal-comments=none",
    "--log-level=warning",
    f"--outbase={SOURCES}",
)
# A chunk has its hash in its name also where a site's storage gives none: the exports of two releases have the same
# short names, and must never meet. One dot in each name: pages/static_files.py.
CHUNKS: Final = "--chunk-names=chunks/[name]_[hash]"
WATCH_SECONDS: Final = 0.5
CULPRITS: Final = 6


def main() -> None:
    """Build once, or again and again."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--watch", action="store_true", help="build anew whenever a source changes")
    parser.add_argument("--sizes", action="store_true", help="say what each file takes on the wire, and why")
    parser.add_argument("--into", type=Path, default=BUILT, help="the folder to write into")
    arguments = parser.parse_args()
    state = latest_change()
    is_built = build_and_tell(arguments.into, is_telling_sizes=arguments.sizes)
    while arguments.watch:
        time.sleep(WATCH_SECONDS)
        if latest_change() != state:
            state = latest_change()
            build_and_tell(arguments.into, is_telling_sizes=arguments.sizes)
    sys.exit(not is_built)


def build_and_tell(folder: Path, *, is_telling_sizes: bool) -> bool:
    """Build, and say what has changed. Returns whether it could be built; esbuild has said why not."""
    try:
        changed, made = build(folder)
    except subprocess.CalledProcessError:
        return False
    print(f"{len(changed)} of {len(made)} files have changed in {folder}.")
    if is_telling_sizes:
        print("\n".join(describe(folder, made)))
    return True


def build(folder: Path) -> tuple[list[str], dict[str, dict[str, int]]]:
    """Write what travels into a folder, and remove what no longer does.

    Returns the names of the files that are not as before, and for each file how many bytes of it are made of which source.
    """
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        made = run_esbuild(STYLES | dict.fromkeys(MODULES), place, "--format=esm", "--splitting", CHUNKS)
        made |= run_esbuild(dict.fromkeys(CLASSIC), place, "--format=iife")
        new = {name: (place / name).read_bytes() for name in made}
    old = {
        str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.suffix in KINDS
    }
    for name in old.keys() - new.keys():
        (folder / name).unlink()
    changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    for name in changed:
        if name in new:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(new[name])
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    return changed, made


def run_esbuild(names: dict[str, str | None], folder: Path, *options: str) -> dict[str, dict[str, int]]:
    """Build files from sources, of the same name where there is none.

    Returns for each file that was made how many bytes of it are made of which source.

    Raises:
        CalledProcessError: a source is wrong; what is wrong with it was printed.
    """
    version = json.loads((ROOT / "package.json").read_text())["devDependencies"]["esbuild"]
    report = folder / "report.json"
    entries = (f"{Path(name).with_suffix('')}={SOURCES / (source or name)}" for name, source in names.items())
    command = ["npx", "--yes", f"esbuild@{version}", *entries, *OPTIONS, *options]
    subprocess.run([*command, f"--outdir={folder}", f"--metafile={report}"], cwd=ROOT, check=True)
    outputs: dict[str, Any] = json.loads(report.read_text())["outputs"]
    report.unlink()
    return {
        str((ROOT / path).resolve().relative_to(folder.resolve())): {
            str((ROOT / source).relative_to(SOURCES)): share["bytesInOutput"]
            for source, share in output["inputs"].items()
        }
        for path, output in outputs.items()
    }


def describe(folder: Path, made: dict[str, dict[str, int]]) -> Iterator[str]:
    """Yield a line for each file: its size on the wire, and its largest sources before they are compressed."""
    for name, sources in sorted(made.items()):
        largest = sorted(sources, key=lambda source: sources[source], reverse=True)[:CULPRITS]
        size = len(gzip.compress((folder / name).read_bytes(), 9))
        yield f"{size:6} B  {name}: " + ", ".join(f"{source} {sources[source]}" for source in largest)


def latest_change() -> float:
    """Return when a source was changed, added or removed last."""
    return max(path.stat().st_mtime for path in (SOURCES, *SOURCES.rglob("*")))


if __name__ == "__main__":
    main()

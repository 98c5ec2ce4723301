"""Take files of the repository into the documentation site where its pages link to them.

On the repository's own pages `[SECURITY.md](../SECURITY.md)` and `[requests](../examples/python/follow_requests.py)` lead
out of `docs/`. The site has no such neighbours, so MkDocs would call these links dead. Here each file that is linked to
becomes a page below `repository/`: Markdown as it is, anything else as a block of code; and links are turned to it.

MkDocs calls `on_files` once and `on_page_markdown` for each page: https://www.mkdocs.org/user-guide/configuration/#hooks
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

__all__ = ["on_files", "on_page_markdown"]

ROOT: Final = Path(__file__).resolve().parents[1]
DOCS: Final = ROOT / "docs"
FOLDER: Final = "repository"
LINK: Final = re.compile(r"\]\(([^)\s#:]+)(#[^)\s]*)?\)")
FENCE: Final = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
LANGUAGES: Final = {".py": "python", ".mjs": "js", ".js": "js", ".sh": "sh", ".html": "html"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each file outside of `docs/` that a page links to, and for what those link to in turn."""
    waiting = [DOCS / file.src_uri for file in files if file.src_uri.endswith(".md")]
    seen: set[Path] = set()
    while waiting:
        page = waiting.pop()
        for match in LINK.finditer(FENCE.sub("", page.read_text())):
            target = find_target(page, match[1])
            if target is None or target in seen or target.is_relative_to(DOCS):
                continue
            seen.add(target)
            files.append(File.generated(config, site_path(target), content=render(target)))
            if target.suffix == ".md":
                waiting.append(target)
    return files


def on_page_markdown(markdown: str, page: Page, **_others: Any) -> str:
    """Turn the page's links to where the site has what they lead to."""
    source = source_of(page.file.src_uri)
    parts = re.split(f"({FENCE.pattern})", markdown, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if index % 2 else turn_links(part, source) for index, part in enumerate(parts))


def turn_links(markdown: str, source: Path) -> str:
    here = Path(site_path(source)).parent

    def turn(match: re.Match[str]) -> str:
        target = find_target(source, match[1])
        if target is None:
            return match[0]  # MkDocs says that it is dead
        return f"]({os.path.relpath(site_path(target), here)}{match[2] or ''})"

    return LINK.sub(turn, markdown)


def find_target(page: Path, link: str) -> Path | None:
    """Return the file that a link leads to, for a folder its README; None where there is none."""
    target = (page.parent / link).resolve()
    if target.is_dir():
        target /= "README.md"
    return target if target.is_file() and target.is_relative_to(ROOT) else None


def site_path(source: Path) -> str:
    """Return where a file of the repository stands in the site, in MkDocs' words its `src_uri`."""
    if source.is_relative_to(DOCS):
        return source.relative_to(DOCS).as_posix()
    path = source.relative_to(ROOT).as_posix()
    return f"{FOLDER}/{path}" if source.suffix == ".md" else f"{FOLDER}/{path}.md"


def source_of(src_uri: str) -> Path:
    """Return the file of the repository that a page of the site was made of."""
    if not src_uri.startswith(f"{FOLDER}/"):
        return DOCS / src_uri
    path = ROOT / src_uri.removeprefix(f"{FOLDER}/")
    return path if path.is_file() else path.with_suffix("")


def render(source: Path) -> str:
    """Return the page that shows a file."""
    text = source.read_text()
    if source.suffix == ".md":
        return text
    language = LANGUAGES.get(source.suffix, "text")
    return f"# `{source.relative_to(ROOT).as_posix()}`\n\n````{language}\n{text}\n````\n"

"""Reverse proxies with the site files of `docs/recipes`, in front of workers of a test's own.

Receives a recipe and what to put in where its head says so. Guarantees that the recipe is what runs, each of its lines,
as a process of the test's own on free ports of the loopback address.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from .processes import Process, find_program, free_port
from .program import Program
from .shell import ROOT

__all__ = ["RECIPES", "SBIN", "Front", "certify", "replaced"]

RECIPES: Final = ROOT / "docs" / "recipes"
SBIN: Final = [Path("/usr/sbin")]  # where Debian has them, which is not on every user's PATH


class Front(Program):
    """A proxy that runs, with a certificate that it has signed itself.

    Args:
        folder: where a folder for its files goes.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.plain_port = free_port()
        self.folder = folder / f"{type(self).__name__.lower()}-{self.port}"
        self.folder.mkdir()
        certify(self.folder)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def plain_url(self) -> str:
        return f"http://127.0.0.1:{self.plain_port}"


def certify(folder: Path) -> None:
    """Write a certificate for 127.0.0.1 and its key, under the names that certbot uses."""
    words = ["req", "-x509", "-days", "2", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    words += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files: list[str | Path] = ["-keyout", folder / "privkey.pem", "-out", folder / "fullchain.pem"]
    with Process([find_program("openssl"), *words, *files]) as openssl:
        assert openssl.wait() == 0, openssl.tail


def replaced(text: str, changes: Mapping[str, str]) -> str:
    """Return a recipe with each of these replaced; what it does not hold is an error, for then it says something else."""
    for old, new in changes.items():
        assert old in text, f"The recipe does not hold {old!r}."
        text = text.replace(old, new)
    return text

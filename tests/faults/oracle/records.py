"""What a writer says of a commit, and how both sides of the oracle name the content of a row.

Shared by the writers, which use the code under test, and the witnesses, which must not; so nothing here imports it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypedDict

__all__ = ["Mark", "Record", "Row", "digest", "read_records"]


class Mark(NamedTuple):
    """Where a commit left one inbox."""

    user: int
    epoch: int
    modseq: int
    unread: int
    unseen: int


class Row(NamedTuple):
    """What a row held as of `modseq`."""

    user: int
    pk: int
    modseq: int
    digest: int


class Record(TypedDict):
    """One transaction of a writer. Marks and rows are empty where it was rolled back or not looked at."""

    kind: str
    at: float  # time.time() between the commit and the doorbell
    error: str
    marks: list[Mark]
    rows: list[Row]


def digest(*, title: str, level: str, body: str, is_read: bool, is_archived: bool) -> int:
    """Return a number that differs where what a user sees differs."""
    return zlib.crc32(f"{title}\0{level}\0{body}\0{is_read:d}{is_archived:d}".encode())


def read_records(files: list[Path]) -> Iterator[Record]:
    """Yield what writers wrote down. The last line of one that was killed may be cut; it is passed over."""
    for file in files:
        for line in file.read_text().splitlines() if file.exists() else ():
            try:
                record = json.loads(line)
            except json.JSONDecodeError:
                continue
            marks, rows = [Mark(*mark) for mark in record["marks"]], [Row(*row) for row in record["rows"]]
            yield Record(kind=record["kind"], at=record["at"], error=record["error"], marks=marks, rows=rows)

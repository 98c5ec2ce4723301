"""What a reader looks for, from one line of text. Pure: `state/search.js` does the same in the browser.

Words in any order, all of them; in quotes several are one. Operators narrow further:

    report from:"Ada Lovelace" in:billing is:unread after:2026-10-01 before:2026-11-01

`from:` is found in the actor and `in:` in the category, words in either, in the title and in the body. Upper and lower case
are alike. `is:` goes before the tab of a page. `after:` begins with its day, `before:` ends before it. What is no operator
is a word; an operator without a value narrows nothing yet; a date that is none narrows nothing and is named in `bad_dates`.

tests/fixtures/search.json has the cases that both must pass.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

__all__ = ["SEAM", "SEARCHED", "Search", "parse_search"]

SEARCHED: Final = ("title", "body", "actor", "category")
SEAM: Final = "\0"  # in no text of ours, and in nothing that is looked for
STATES: Final = ("unread", "read", "archived")
YEARS: Final = range(1970, 9999)  # of dates that stay dates in each time zone
# An operator with its value, a text in quotes, which may lack the last one, or a word.
PART: Final = re.compile(r'(?:([A-Za-z]+):)?"([^"]*)(?:"|$)|(\S+)')
OPERATOR: Final = re.compile(r"([A-Za-z]+):(.*)", re.DOTALL)
DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Needle(NamedTuple):
    """A text to find: in one of the texts of a row, or in any of them."""

    pattern: re.Pattern[str]
    place: int | None


@dataclass(frozen=True)
class Search:
    """What is looked for; what is empty narrows nothing."""

    words: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    after: dt.date | None = None
    before: dt.date | None = None
    bad_dates: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """Return the one state that it asks for, none, or one that nothing is in where it asks for two."""
        return "/".join(self.states)

    @cached_property
    def needles(self) -> tuple[Needle, ...]:
        """Return the texts to find, the longest first: it is the rarest."""
        texts: list[tuple[str, int | None]] = [(word, None) for word in self.words]
        texts += [(sender, SEARCHED.index("actor")) for sender in self.senders]
        texts += [(category, SEARCHED.index("category")) for category in self.categories]
        found = {(text.casefold(), place) for text, place in texts}
        ordered = sorted(found, key=lambda each: (-len(each[0]), each[0]))
        return tuple(Needle(re.compile(re.escape(text)), place) for text, place in ordered)

    def look(self, texts: Sequence[str]) -> tuple[bool, int]:
        """Return whether the texts of a row, as `SEARCHED` names them, hold all, and how many characters were looked at."""
        looked = 0
        for pattern, place in self.needles:
            text = SEAM.join(texts) if place is None else texts[place]
            looked += len(text)
            if not pattern.search(text.casefold()):
                return False, looked
        return True, looked


def parse_search(text: str) -> Search:
    """Return what a line of text looks for. Nothing in it is an error."""
    words: list[str] = []
    values: dict[str, list[str]] = {name: [] for name in ("from", "in", "is", "after", "before")}
    for name, quoted, word in PART.findall(text):
        if word:
            match = OPERATOR.fullmatch(word)
            name, value = (match[1], match[2]) if match else ("", word)
        else:
            value = quoted.strip()
        operator = name.lower()
        is_operator = operator in values and (operator != "is" or not value or value.lower() in STATES)
        if is_operator and value:
            values[operator].append(value)
        elif not is_operator and (found := word or (f"{name}:{value}" if name else value)):
            words.append(found)
    dates = {name: [parse_date(value) for value in values[name]] for name in ("after", "before")}
    bad = [value for name in dates for value, date in zip(values[name], dates[name], strict=True) if date is None]
    return Search(
        words=tuple(words),
        senders=tuple(values["from"]),
        categories=tuple(values["in"]),
        states=tuple(sorted({state.lower() for state in values["is"]})),
        after=max(filter(None, dates["after"]), default=None),
        before=min(filter(None, dates["before"]), default=None),
        bad_dates=tuple(bad),
    )


def parse_date(text: str) -> dt.date | None:
    """Return the date that a text such as 2026-11-01 is, or None."""
    if not DATE.fullmatch(text):
        return None
    try:
        date = dt.date.fromisoformat(text)
    except ValueError:
        return None
    return date if date.year in YEARS else None

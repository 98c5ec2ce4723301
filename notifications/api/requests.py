"""The bodies that the API accepts. Its answers: `responses.py`.

A body is checked strictly: an unknown field is an error, since a misspelt one must not mean "everything".
"""

from __future__ import annotations

from typing import Any, Final

from ninja import Field, Schema
from pydantic import field_validator
from pydantic_core import PydanticCustomError

from ..log.keys import MAX_KEY
from ..models.content import MAX_CATEGORY_CHARS, MAX_TOPIC_CHARS
from ..reading.actions import Action
from ..reading.listing import MAX_QUERY_CHARS, ListedState, describe_search_problem
from ..reading.undo import MAX_TOKEN_CHARS
from .responses import ABSENT, POSITION, LevelName

__all__ = ["NO_NUL", "Bulk", "ListQuery", "ReadAll", "Since", "Topic", "Undo", "strict"]

MAX_IDS: Final = 100  # fewer than a page may send: each request of a program is to hold the lock briefly
MAX_LIMIT: Final = 100
NO_NUL: Final = "^[^\\x00]*$"  # PostgreSQL holds no NUL characters


def strict(example: Any) -> Any:
    """Return the configuration of a body: only its own fields, only JSON's own types."""
    return {"extra": "forbid", "strict": True, "json_schema_extra": {"examples": [example]}}


class ListQuery(Schema):
    """Which notifications to list. What is left out does not narrow the list."""

    state: ListedState = Field(
        "all", description="`all` is everything that is not archived; so are `unread` and `read`."
    )
    category: str = Field("", max_length=MAX_CATEGORY_CHARS, pattern=NO_NUL, json_schema_extra={"example": "billing"})
    level: LevelName = Field(ABSENT, json_schema_extra={"example": "warning"})
    topic: str = Field(
        "", max_length=MAX_TOPIC_CHARS, pattern=NO_NUL, json_schema_extra={"example": "billing.invoice:7"}
    )
    q: str = Field(
        "",
        max_length=MAX_QUERY_CHARS,
        pattern=NO_NUL,
        description=(
            'Words to find, all of them, in title, body, actor or category, and `from:"Ada Lovelace"`, `in:billing`, '
            "`is:unread`, `after:2026-10-01`, `before:2026-11-01`. `is:` goes before `state`."
        ),
        json_schema_extra={"example": "invoice"},
    )
    before: int = Field(MAX_KEY, ge=1, le=MAX_KEY, description="Only ids below this: `next` of the page before.")
    limit: int = Field(20, ge=1, le=MAX_LIMIT, description="At most so many.")

    @field_validator("q")
    @classmethod
    def refuse_bad_date(cls, text: str) -> str:
        """Refuse a date that is none, which a page would leave out and say so."""
        if problem := describe_search_problem(text):
            raise PydanticCustomError("date", "{problem}", {"problem": problem})
        return text


class Since(Schema):
    """Where a client stands."""

    since: str = Field(
        "", description="The client's position; empty for a snapshot.", json_schema_extra={"example": POSITION}
    )


class Bulk(Schema):
    """One action on many: all of them, or none."""

    action: Action
    ids: list[int] = Field(..., min_length=1, max_length=MAX_IDS)

    model_config = strict({"action": "archive", "ids": [12, 13]})


class ReadAll(Schema):
    """What the reader has seen: a `modseq`, such as the second number of the position of the list."""

    up_to: int = Field(..., ge=0, le=MAX_KEY)

    model_config = strict({"up_to": 42})


class Topic(Schema):
    """A subject."""

    topic: str = Field(..., min_length=1, max_length=MAX_TOPIC_CHARS, pattern=NO_NUL)

    model_config = strict({"topic": "billing.invoice:7"})


class Undo(Schema):
    """What to take back."""

    token: str = Field(..., min_length=1, max_length=MAX_TOKEN_CHARS)

    model_config = strict({"token": ".eJyrVkotKMjPTFGyMjQ…"})

"""Read the body of a request. Receives any JSON; guarantees that no request keeps the others waiting.

Reading, and finding out what is wrong, are single calls of C code, during which no other thread of the process runs, nor
its event loop. So what they are given is bounded: 200,000 unknown fields in 2 MB took 2 s, for each of them is an error.
"""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja.parser import Parser

from ..exceptions import Refusal
from ..protocol.parse_json import MAX_LEVELS, TooDeep, parse_json
from .errors import build_too_large

__all__ = ["BodyParser"]

MAX_BODY_BYTES: Final = 512 * 1024  # the longest token of `undo` is half of it
MAX_FIELDS: Final = 2000  # `data` has 8 KiB, which is room for some 1,400


class BodyParser(Parser):
    """Reads bodies for ninja, which hands on what is raised here as the cause of its own error."""

    def parse_body(self, request: HttpRequest) -> Any:
        """Return the content of a body.

        Raises:
            Refusal: it is too long or nested too deep, or an object in it has too many fields.
            ValueError: it is no JSON.
        """
        if len(request.body) > MAX_BODY_BYTES:
            raise build_too_large()
        try:
            return parse_json(request.body, make_object=build_object)
        except TooDeep:
            message = _("The JSON is nested deeper than %(most)d levels.") % {"most": MAX_LEVELS}
            raise Refusal(
                422, "invalid", message, remedy=_("See openapi.json for what is accepted."), field="body"
            ) from None


def build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object with these fields; of one that is given twice the last counts."""
    if len(pairs) > MAX_FIELDS:
        message = _("An object has more than %(most)d fields.") % {"most": MAX_FIELDS}
        raise Refusal(422, "invalid", message, remedy=_("See openapi.json for what is accepted."), field="body")
    return dict(pairs)

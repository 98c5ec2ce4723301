"""Every error of this app's own. Each message names the value received and the remedy.

What a user typed wrong is a `django.core.exceptions.ValidationError` keyed by field; what a developer did wrong is
one of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

__all__ = [
    "BadUndoToken",
    "BypassesLog",
    "HistoryReplaced",
    "InvalidArgument",
    "InvalidSegment",
    "InvalidSetting",
    "JobFailed",
    "MayNot",
    "NotificationsError",
    "Refusal",
    "RefusedRecipient",
    "RefusedRecipients",
    "StepRefused",
    "TooOften",
    "TopicDeleted",
    "UndoExpired",
    "UnknownContent",
    "UnknownNotification",
    "UnknownTopic",
]


MAX_RECIPIENTS_IN_ERROR: Final = 10  # of those refused, in a message for people


class NotificationsError(Exception):
    """Base of every exception that this app raises itself."""


class BypassesLog(NotificationsError, TypeError):
    """A write that could not be recorded in the log, so it was refused before it touched a row."""


class HistoryReplaced(NotificationsError, LookupError):
    """A position of another epoch, by which nothing can be said of what its reader has seen. Nothing was changed."""


class InvalidArgument(NotificationsError, ValueError):
    """A function was given what cannot be, such as a user who was never saved. Nothing was written."""


class InvalidSegment(NotificationsError, ValueError):
    """A segment whose name cannot be, or whose function fails or returns something else than users."""


class InvalidSetting(NotificationsError, ValueError):
    """A `NOTIFICATIONS_*` setting holds a value of the wrong type or outside its range."""


@dataclass(frozen=True, slots=True)
class RefusedRecipient:
    """One recipient as given, and why nothing can be sent there."""

    recipient: str
    code: Literal["unknown", "inactive", "twice"]
    message: str

    def as_dict(self) -> dict[str, str]:
        """Return it as the API shows it."""
        return asdict(self)


class RefusedRecipients(NotificationsError, ValueError):
    """Some recipients cannot be told, so nobody was. `refused` holds each of them with its reason."""

    def __init__(self, refused: Sequence[RefusedRecipient]) -> None:
        shown = " ".join(each.message for each in refused[:MAX_RECIPIENTS_IN_ERROR])
        rest = len(refused) - MAX_RECIPIENTS_IN_ERROR
        super().__init__(shown + (f" … {rest} more." if rest > 0 else ""))
        self.refused = tuple(refused)


class Refusal(NotificationsError):
    """A request of a page, of the API or over a WebSocket that is not carried out: the status, and what its answer says.

    Args:
        status: of HTTP; a WebSocket does not tell it.
        code: for programs; it stays as it is.
        message: what was wrong.
        remedy: what to do instead, where the message does not say it.
        field: where in the request it stood.
        headers: of the answer over HTTP.
        refused: each of the recipients to whom nothing can be sent.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        remedy: str | None = None,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
        refused: Sequence[RefusedRecipient] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.remedy = remedy
        self.field = field
        self.headers = dict(headers or {})
        self.refused = tuple(refused)

    def as_dict(self) -> dict[str, Any]:
        """Return what the answer says: `{"code": …, "message": …}`, and of the rest what there is."""
        more = {"field": self.field, "remedy": self.remedy, "refused": [each.as_dict() for each in self.refused]}
        return {"code": self.code, "message": self.message} | {name: value for name, value in more.items() if value}


class StepRefused(NotificationsError, RuntimeError):
    """A step that a broadcast's state does not allow, mostly because somebody else was quicker. Nothing was changed."""


class JobFailed(NotificationsError):
    """Raised by a job's own code, within `track()`: its words are shown to the user as the reason."""


class MayNot(NotificationsError, PermissionError):
    """Something is asked for in the name of a user who has no right to it."""


class TooOften(NotificationsError):
    """A user, or an address, did more than the limits grant; `seconds` says when one more is granted."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many requests; try again in {seconds} seconds.")
        self.seconds = seconds


class TopicDeleted(NotificationsError, RuntimeError):
    """A public topic's row was deleted again and again while a message was written to it."""


class UnknownContent(NotificationsError, TypeError):
    """A notification was given content by a name that it does not have. Nothing was written."""


class UnknownNotification(NotificationsError, LookupError):
    """The user has no notifications with these `ids`; whether somebody else has is not told."""

    def __init__(self, ids: list[int]) -> None:
        super().__init__(f"The user has no notification {', '.join(map(str, ids))}; read the list again.")
        self.ids = tuple(ids)


class UnknownTopic(NotificationsError, LookupError):
    """A public topic that NOTIFICATIONS_PUBLIC_TOPICS does not declare."""

    def __init__(self, topic: str, declared: Iterable[str]) -> None:
        known = ", ".join(map(repr, declared)) or "none"
        super().__init__(f"{topic!r} is not a public topic; declare it in NOTIFICATIONS_PUBLIC_TOPICS (now: {known}).")


class BadUndoToken(NotificationsError, ValueError):
    """An undo token that was not made for this user, or was altered."""


class UndoExpired(NotificationsError, ValueError):
    """An undo token that came too late: it was good for `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"An action can be undone for {seconds:.0f} seconds only; do the opposite instead.")
        self.seconds = seconds

"""The channels that django-eventstream knows, and what they are here. Pure; `__init__.py` uses them.

Receives names and ids as django-eventstream writes them. A user's channel is `user-<primary key>`, as in its
documentation; a public topic's is `public-<name>`. Guarantees that a name means one log or none, whatever it holds.

Its ids are one integer for each channel; a position here has two, `epoch` and `modseq`. So the integer holds both, the
`modseq` in its last 19 digits, as many as one can have:

    user-7:819855292164860000000000000000042   ↔   81985529216486.42
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote, unquote
from weakref import WeakSet

from django.core.exceptions import ValidationError

from ...access.admission import Credential
from ...conf import settings
from ...log.keys import UserOrKey, key_of
from ...protocol.position import Position

__all__ = [
    "Channel",
    "Channels",
    "Place",
    "decode_position",
    "encode_position",
    "format_ids",
    "name_inbox_channel",
    "name_public_channel",
    "parse_ids",
    "parse_topic",
    "parse_user",
]

INBOX: Final = "user-"
PUBLIC: Final = "public-"
MODSEQS: Final = 10**19  # modseq is below 2^63, which has 19 digits
MAX_DIGITS: Final = 15 + 19  # of a number whose epoch is below 2^48


def name_inbox_channel(user: UserOrKey) -> str:
    """Return the channel of a user, given as an instance or a primary key."""
    return f"{INBOX}{getattr(user, 'pk', user)}"


def name_public_channel(topic: str) -> str:
    """Return the channel of a public topic."""
    return f"{PUBLIC}{topic}"


def parse_user(channel: str) -> Any:
    """Return the primary key of the user whose channel this is, or None. Only the one way to write a key is accepted."""
    text = channel.removeprefix(INBOX) if channel.startswith(INBOX) else ""
    if not text or "\0" in text:
        return None
    try:
        user_id = key_of(text)
    except (ValidationError, ValueError, OverflowError):
        return None
    return user_id if name_inbox_channel(user_id) == channel else None


def parse_topic(channel: str) -> str | None:
    """Return the public topic of a channel, if it is declared; else None."""
    topic = channel.removeprefix(PUBLIC) if channel.startswith(PUBLIC) else ""
    return topic if topic in settings.public_topics else None


def encode_position(position: Position) -> int:
    """Return a position as one integer."""
    return position.epoch * MODSEQS + position.modseq


def decode_position(number: int) -> Position:
    """Return the position in an integer; one that none can have for an integer that nobody was given."""
    return Position(*divmod(number, MODSEQS)) if number >= 0 else Position(0, MODSEQS)


def parse_ids(last_event_id: str) -> dict[str, int]:
    """Return the channels' numbers in what a client sends as its last id; without those that are none."""
    numbers: dict[str, int] = {}
    for part in last_event_id.split(","):
        name, colon, digits = part.partition(":")
        if colon and digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS:
            numbers[unquote(name)] = int(digits)
    return numbers


def format_ids(numbers: dict[str, int]) -> str:
    """Return the id that says where a client stands in each of its channels."""
    return ",".join(f"{quote(name)}:{number}" for name, number in numbers.items())


class Place:
    """Where one connection stands in one channel, as far as we have handed events over to django-eventstream.

    See Note [Reading twice] in `__init__.py`.
    """

    __slots__ = ("asked", "at", "follower", "is_revoked", "read_to")

    def __init__(self) -> None:
        self.follower: Any = None  # the user whose connection it is; None: nobody's
        self.asked: int | None = None  # the id of its latest question to the storage
        self.read_to = 0  # where the answer ended
        self.at = -1  # where it stands once its queue is written as well; -1: it has asked nothing yet
        self.is_revoked = False  # whether its follower may no longer

    def begin(self, asked: int) -> int:
        """Return from where to answer a question for what comes after `asked`."""
        is_repeated = asked == self.asked
        self.asked = asked
        return self.read_to if is_repeated else asked

    def is_past(self, number: int) -> bool:
        """Return whether it stands at a number or after it, in the same epoch."""
        return self.at >= number and self.at // MODSEQS == number // MODSEQS

    def reach(self, number: int) -> None:
        """Note where an answer ended."""
        self.read_to = self.at = number


class Channel(str):
    """A channel's name as one connection asks for it, with the connection's place in it."""

    place: Place

    def __new__(cls, name: str) -> Channel:
        """Make one of a name."""
        channel = super().__new__(cls, name)
        channel.place = Place()
        return channel

    def __deepcopy__(self, _memo: dict[int, Any]) -> Channel:
        # django-eventstream copies the dictionaries that it keeps by channel; the place is one all the same
        return self


class Channels(set[str]):
    """The channels of one connection, and who it is: who follows, by what, and what its streams are counted by."""

    __hash__ = object.__hash__  # type: ignore[assignment] # counted as a connection, not by its content
    __eq__ = object.__eq__

    def __init__(self, names: set[str], *, follower: Any = None, credential: Credential | None = None) -> None:
        channels = [Channel(name) for name in sorted(names)]
        for channel in channels:
            channel.place.follower = follower
        super().__init__(channels)
        self.follower = follower
        self.credential = credential  # what is looked at again with every ping
        self.counted_with: list[WeakSet[Channels]] = []  # held from here, see `eventstream.Census`

    def own(self, name: str) -> tuple[Channel, Place] | None:
        """Return this connection's own channel of a name, and its place; None where it has none."""
        for channel in self:
            if channel == name and isinstance(channel, Channel):
                return channel, channel.place
        return None

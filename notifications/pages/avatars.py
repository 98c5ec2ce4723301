"""Who sent it, as a round of one or two letters in one of six hues. dom/avatar.js does the same in the browser.

tests/fixtures/avatars.json has the cases that both must pass.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

__all__ = ["hue_of", "initials_of"]

HUES: Final = 6
JOINER: Final = "\u200d"
# Pictures with their own colours, and the scripts of China, Japan and Korea: one character is enough.
STANDS_ALONE: Final = re.compile(
    "[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]|.*\ufe0f", re.DOTALL
)
FNV_OFFSET: Final = 0x811C9DC5
FNV_PRIME: Final = 0x01000193


def initials_of(name: str) -> str:
    """Return the first letters of the first and the last word: "Ada Lovelace" → "AL", "李伟" → "李", "🚀 Deploys" → "🚀".

    A letter is what a reader calls one, accents and skin tones included. Empty where the name has none.
    """
    words = unicodedata.normalize("NFC", str(name)).split()
    letters = [letter for letter in map(first_letter, words) if letter]
    if not letters:
        return ""
    first, last = letters[0], letters[-1]
    if len(letters) == 1 or stands_alone(first) or stands_alone(last):
        return first.upper()
    return (first + last).upper()


def first_letter(word: str) -> str:
    """Return the first letter, digit or picture of a word, with all that belongs to it."""
    start = next((place for place, character in enumerate(word) if is_letter(character)), None)
    if start is None:
        return ""
    end = start + 1
    if is_flag_half(word[start]) and is_flag_half(word[end : end + 1]):
        end += 1
    while end < len(word):
        if belongs_to_letter(word[end]):
            end += 1
        elif word[end] == JOINER and is_letter(word[end + 1 : end + 2]):
            end += 2
        else:
            break
    return word[start:end]


def is_letter(character: str) -> bool:
    """Return whether this may stand in an avatar: a letter, a digit or a picture."""
    return bool(character) and (unicodedata.category(character)[0] in "LN" or unicodedata.category(character) == "So")


def is_flag_half(character: str) -> bool:
    """Return whether two such characters make a flag."""
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def belongs_to_letter(character: str) -> bool:
    """Return whether this changes the character before it: an accent, a skin tone, the flag of a region."""
    return (
        unicodedata.category(character)[0] == "M"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\U000e0020" <= character <= "\U000e007f"
    )


def stands_alone(letter: str) -> bool:
    """Return whether no second one is shown beside it."""
    return unicodedata.category(letter[0]) == "So" or bool(STANDS_ALONE.match(letter))


def hue_of(name: str) -> int:
    """Return one of six hues, 0 to 5, the same for a name on every page: by FNV-1a, as a browser's numbers can do it.

    http://www.isthe.com/chongo/tech/comp/fnv/
    """
    hashed = FNV_OFFSET
    for character in unicodedata.normalize("NFC", str(name)).strip():
        hashed = ((hashed ^ ord(character)) * FNV_PRIME) & 0xFFFFFFFF
    return hashed % HUES

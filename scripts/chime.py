"""Make the note that the bell plays: `notifications/static/notifications/chime.wav`, 0.6 s at 880 Hz, dying away.

python scripts/chime.py
"""

from __future__ import annotations

import math
import struct
import wave
from pathlib import Path
from typing import Final

PATH: Final = Path(__file__).resolve().parent.parent / "notifications" / "static" / "notifications" / "chime.wav"
RATE: Final = 8000  # samples/s: plenty for one note below 4 kHz
SECONDS: Final = 0.6
HERTZ: Final = 880
LOUDNESS: Final = 0.1  # of full scale: heard beside other things, startling nobody
DECAY: Final = math.log(100) / SECONDS  # to a hundredth at its end, so it ends without a click


def sample(index: int) -> int:
    """Return one sample, of 16 bits with sign."""
    seconds = index / RATE
    return round(32767 * LOUDNESS * math.exp(-DECAY * seconds) * math.sin(2 * math.pi * HERTZ * seconds))


if __name__ == "__main__":
    samples = [sample(index) for index in range(round(RATE * SECONDS))]
    with wave.open(str(PATH), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))

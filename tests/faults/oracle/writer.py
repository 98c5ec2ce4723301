r"""A writer: a program that changes inboxes at random until it is told to stop, and writes down what it committed.

    python -m tests.faults.oracle.writer \
        '{"seed": "7.1", "users": [1, 2], "per_second": 50, "records": "/tmp/1.jsonl", "urls": []}'

With `urls` it has the servers there do it, in their own processes. SIGTERM lets it finish what it is at.
"""

from __future__ import annotations

import json
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx

__all__: list[str] = []

PER_REQUEST: Final = 5
TIMEOUT_SECONDS: Final = 30.0
PAUSE_SECONDS: Final = 0.1  # before a server that does not answer is asked again


def main() -> None:
    """Write until SIGTERM."""
    wish: dict[str, Any] = json.loads(sys.argv[1])
    is_over: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: is_over.append(number))
    rng = random.Random(wish["seed"])
    produce = by_request(rng, wish) if wish["urls"] else by_itself(rng, wish)
    with Path(wish["records"]).open("a", encoding="utf-8") as file:
        due = time.monotonic()
        while not is_over:
            records = next(produce)
            file.writelines(json.dumps(record) + "\n" for record in records)
            file.flush()
            due = max(due + len(records) / wish["per_second"], time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))


def by_itself(rng: random.Random, wish: dict[str, Any]) -> Iterator[list[Any]]:
    """Write in this process."""
    import django  # only here: a writer by request needs none of it

    django.setup()
    perform: Callable[..., Any] = __import__("tests.faults.oracle.perform", fromlist=["perform"]).perform
    while True:
        yield [perform(rng, wish["users"])]


def by_request(rng: random.Random, wish: dict[str, Any]) -> Iterator[list[Any]]:
    """Have one of the servers write; ask again where none answers, as during a restart."""
    with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as http:
        while True:
            order = {"seed": rng.getrandbits(64), "users": wish["users"], "count": PER_REQUEST}
            try:
                answer = http.post(f"{rng.choice(wish['urls'])}/oracle/", json=order)
                answer.raise_for_status()
            except httpx.HTTPError as error:
                if isinstance(error, httpx.HTTPStatusError):
                    text = f"request: HTTP {error.response.status_code}"
                    yield [{"kind": "request", "at": 0.0, "error": text, "marks": [], "rows": []}]
                time.sleep(PAUSE_SECONDS)
                yield []
            else:
                yield answer.json()["records"]


if __name__ == "__main__":
    main()

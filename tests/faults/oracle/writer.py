r"""A writer: a program that changes inboxes at random until it is told to stop, and counts what it did.

    python -m tests.faults.oracle.writer \
        '{"seed": "7.1", "users": [1, 2], "per_second": 50, "threads": 2, "records": "1.jsonl", "urls": [], "without": []}'

With `urls` it has the servers there do it, in their own processes. SIGTERM lets it finish what it is at.
"""

from __future__ import annotations

import json
import random
import signal
import sys
import threading
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
    is_over = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: is_over.set())
    if not wish["urls"]:
        import django  # only here: a writer by request needs none of it

        django.setup()
    with Path(wish["records"]).open("a", encoding="utf-8", buffering=1) as file:
        threads = [
            threading.Thread(target=write, args=(wish | {"seed": f"{wish['seed']}.{number}"}, file, is_over))
            for number in range(wish["threads"])
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def write(wish: dict[str, Any], file: Any, is_over: threading.Event) -> None:
    """Write at the wished pace."""
    rng = random.Random(wish["seed"])
    produce = by_request(rng, wish) if wish["urls"] else by_itself(rng, wish)
    pace = wish["per_second"] / wish["threads"]
    due = time.monotonic()
    while not is_over.is_set():
        records = next(produce)
        file.write("".join(json.dumps(record) + "\n" for record in records))
        due = max(due + len(records) / pace, time.monotonic() - 1)
        is_over.wait(max(0.0, due - time.monotonic()))


def by_itself(rng: random.Random, wish: dict[str, Any]) -> Iterator[list[Any]]:
    """Write in this process."""
    perform: Callable[..., Any] = __import__("tests.faults.oracle.perform", fromlist=["perform"]).perform
    while True:
        yield [perform(rng, wish["users"], wish["without"])]


def by_request(rng: random.Random, wish: dict[str, Any]) -> Iterator[list[Any]]:
    """Have one of the servers write; ask again where none answers, as during a restart."""
    with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as http:
        while True:
            order = {
                "seed": rng.getrandbits(64),
                "count": PER_REQUEST,
                **{key: wish[key] for key in ("users", "without")},
            }
            try:
                answer = http.post(f"{rng.choice(wish['urls'])}/oracle/", json=order)
                answer.raise_for_status()
            except httpx.HTTPError as error:
                if isinstance(error, httpx.HTTPStatusError):
                    text = f"request: HTTP {error.response.status_code}"
                    yield [{"kind": "request", "error": text, "is_expected": False}]
                time.sleep(PAUSE_SECONDS)
                yield []
            else:
                yield answer.json()["records"]


if __name__ == "__main__":
    main()

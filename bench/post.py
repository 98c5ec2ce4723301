"""Publish to a peer over HTTP, one POST for each event on one connection; the twin of `bench/site/send.py`.

python -m bench.post '{"port": 8000, "ids": ["1"], "first": 1, "count": 10, "rate": 5, "burst": 1, "size": 300}'
"""

from __future__ import annotations

import http.client
import json
import random
import sys
import time
from typing import Any


def carry_out(
    *, port: int, ids: list[str], first: int, count: int, rate: float, size: int, burst: int = 1, delay: float = 0.0
) -> dict[str, Any]:
    """Publish `count` events of `size` bytes; an event counts as committed when its request is about to be sent."""
    choose = random.Random(first)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    sent: list[tuple[int, float, float, float]] = []
    cpu = time.thread_time()
    start = time.monotonic() + delay
    for turn in range(count):
        wait = start + turn // burst * burst / rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        begun = time.monotonic()
        path, body = f"/pub?id={choose.choice(ids)}", f"~{first + turn}~".ljust(size, "x")
        try:
            connection.request("POST", path, body)
            response = connection.getresponse()
        except (BrokenPipeError, http.client.RemoteDisconnected):  # the server had closed it, as uvicorn does after 5 s
            connection.close()
            connection.request("POST", path, body)
            response = connection.getresponse()
        response.read()
        if response.status >= 300:
            raise RuntimeError(f"Publishing answered {response.status}.")
        sent.append((first + turn, begun, begun, time.monotonic()))
    return {"sent": sent, "cpu": time.thread_time() - cpu}


if __name__ == "__main__":
    print(json.dumps(carry_out(**json.loads(sys.argv[1]))))

"""Follow a user's notifications with httpx-sse.

    python follow_httpx_sse.py http://127.0.0.1:8000 user1 demo
    NOTIFICATIONS_TOKEN=ntf_… python follow_httpx_sse.py http://127.0.0.1:8000

Writes a line for each frame: its event, the position after it and its data. Ends when the session does, or
the token.
"""

import asyncio
import json
import os
import sys

import httpx
from httpx_sse import SSEError, aconnect_sse

SILENCE_SECONDS = 45  # three pings of 15 s: the line is dead


async def log_in(http: httpx.AsyncClient, username: str, password: str) -> None:
    """Log in through the site's form, as a browser does."""
    await http.get("/accounts/login/")
    fields = {"username": username, "password": password, "csrfmiddlewaretoken": http.cookies["csrftoken"]}
    answer = await http.post("/accounts/login/", data=fields, headers={"Referer": str(http.base_url)})
    if answer.status_code != 302:
        sys.exit(f"{http.base_url} did not let {username} in.")


async def follow(http: httpx.AsyncClient) -> None:
    """Follow the stream, and come back after each break with the position of the last frame."""
    position, retry_seconds = "", 3.0
    while True:
        headers = {"Last-Event-ID": position} if position else {}
        try:
            async with aconnect_sse(http, "GET", "/notifications/stream/", headers=headers) as source:
                if source.response.status_code in (401, 403):
                    return
                async for event in source.aiter_sse():
                    position = event.id or position
                    retry_seconds = (event.retry or retry_seconds * 1000) / 1000
                    print(event.event, position, event.data, flush=True)
                    if event.event == "bye" and json.loads(event.data)["reason"] == "auth":
                        return
        except (httpx.HTTPError, SSEError) as error:
            print("lost", position, type(error).__name__, flush=True)
        await asyncio.sleep(retry_seconds)


async def main(url: str, *login: str) -> None:
    """Log in, or show a token, and follow."""
    timeout = httpx.Timeout(10, read=SILENCE_SECONDS)
    async with httpx.AsyncClient(base_url=url, timeout=timeout) as http:
        if login:
            await log_in(http, *login)
        else:
            http.headers["Authorization"] = f"Bearer {os.environ['NOTIFICATIONS_TOKEN']}"
        await follow(http)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

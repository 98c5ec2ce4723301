"""Follow a user's notifications with sseclient-py.

    python follow_sseclient.py http://127.0.0.1:8000 user1 demo
    NOTIFICATIONS_TOKEN=ntf_… python follow_sseclient.py http://127.0.0.1:8000

Writes a line for each frame: its event, the position after it and its data. Ends when the session does, or
the token.
"""

import json
import os
import sys
import time

import requests
from sseclient import SSEClient

SILENCE_SECONDS = 45  # three pings of 15 s: the line is dead


def log_in(http: requests.Session, url: str, username: str, password: str) -> None:
    """Log in through the site's form, as a browser does."""
    form = f"{url}/accounts/login/"
    http.get(form, timeout=10).raise_for_status()
    fields = {"username": username, "password": password, "csrfmiddlewaretoken": http.cookies["csrftoken"]}
    http.post(form, data=fields, headers={"Referer": form}, timeout=10).raise_for_status()


def follow(http: requests.Session, url: str) -> None:
    """Follow the stream, and come back after each break with the position of the last frame."""
    position, retry_seconds = "", 3.0
    while True:
        headers = {"Last-Event-ID": position} if position else {}
        timeout = (10, SILENCE_SECONDS)
        try:
            with http.get(f"{url}/notifications/stream/", headers=headers, stream=True, timeout=timeout) as answer:
                if answer.status_code in (401, 403):
                    return
                for event in SSEClient(answer.iter_content(chunk_size=None)).events():
                    position = event.id or position
                    retry_seconds = (event.retry or retry_seconds * 1000) / 1000
                    print(event.event, position, event.data, flush=True)
                    if event.event == "bye" and json.loads(event.data)["reason"] == "auth":
                        return
        except requests.RequestException as error:
            print("lost", position, type(error).__name__, flush=True)
        time.sleep(retry_seconds)


if __name__ == "__main__":
    url, *login = sys.argv[1:]
    with requests.Session() as http:
        if login:
            log_in(http, url, *login)
        else:
            http.headers["Authorization"] = f"Bearer {os.environ['NOTIFICATIONS_TOKEN']}"
        follow(http, url)

"""Follow a user's notifications over WebSocket with websockets.

    python follow_websockets.py http://127.0.0.1:8000 user1 demo
    NOTIFICATIONS_TOKEN=ntf_… python follow_websockets.py http://127.0.0.1:8000

Writes a line for each frame: its event, the position after it and its data. Ends when the session does, or
the token.
"""

import json
import os
import sys
import time

import requests
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import connect


def log_in(url: str, username: str, password: str) -> dict[str, str]:
    """Log in through the site's form, as a browser does, and return the header of the session."""
    form = f"{url}/accounts/login/"
    with requests.Session() as http:
        http.get(form, timeout=10).raise_for_status()
        fields = {"username": username, "password": password, "csrfmiddlewaretoken": http.cookies["csrftoken"]}
        http.post(form, data=fields, headers={"Referer": form}, timeout=10).raise_for_status()
        return {"Cookie": f"sessionid={http.cookies['sessionid']}"}


def follow(url: str, headers: dict[str, str]) -> None:
    """Follow the WebSocket, and come back after each break with the position of the last frame."""
    address, position, retry_seconds = f"{url.replace('http', 'ws', 1)}/notifications/ws/", "", 3.0
    while True:
        try:
            with connect(f"{address}?since={position}", additional_headers=headers) as socket:  # it pings by itself
                for text in socket:
                    frame = json.loads(text)
                    position = frame.get("id", position)
                    retry_seconds = frame.get("retry", retry_seconds * 1000) / 1000
                    print(frame["event"], position, json.dumps(frame["data"]), flush=True)
                    if frame["event"] == "bye" and frame["data"]["reason"] == "auth":
                        return
        except InvalidStatus as error:
            if error.response.status_code == 403:
                return
        except (OSError, WebSocketException) as error:
            print("lost", position, type(error).__name__, flush=True)
        time.sleep(retry_seconds)


if __name__ == "__main__":
    url, *login = sys.argv[1:]
    token = os.environ.get("NOTIFICATIONS_TOKEN")
    follow(url, log_in(url, *login) if login else {"Authorization": f"Bearer {token}"})

"""Flask-SSE: one greenlet and one Redis subscription for each stream, under gunicorn's gevent worker."""

from __future__ import annotations

import os
from collections.abc import Iterator

from flask import Flask, Response, request, stream_with_context
from flask_sse import sse

application = Flask(__name__)
application.config["REDIS_URL"] = os.environ["REDIS_URL"]


@application.get("/sub")
def subscribe() -> Response:
    """Do what Flask-SSE's own view does, after a comment: gunicorn sends no header before the first byte of the body."""

    @stream_with_context
    def events() -> Iterator[str]:
        yield ": hi\n\n"
        for message in sse.messages(channel=request.args["id"]):
            yield str(message)

    return Response(events(), mimetype="text/event-stream")


@application.post("/pub")
def publish() -> str:
    """Send the body to a channel."""
    sse.publish(request.get_data(as_text=True), channel=request.args["id"])
    return ""

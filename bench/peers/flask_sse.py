"""Flask-SSE: one greenlet and one Redis subscription for each stream, under gunicorn's gevent worker."""

from __future__ import annotations

import os

from flask import Flask, request
from flask_sse import sse

application = Flask(__name__)
application.config["REDIS_URL"] = os.environ["REDIS_URL"]
application.register_blueprint(sse, url_prefix="/sub")


@application.post("/pub")
def publish() -> str:
    """Send the body to a channel."""
    sse.publish(request.get_data(as_text=True), channel=request.args["id"])
    return ""

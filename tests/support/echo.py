"""A worker that tells what it was asked, as JSON: headers, and how much of a body came. `python echo.py PORT…`.

Standard library alone, for it runs in a network of its own.
"""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Echo(BaseHTTPRequestHandler):
    """Answers any request with what came of it."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        count = self.read_chunks() if "Transfer-Encoding" in self.headers else len(self.rfile.read(self.length))
        answer = json.dumps({"path": self.path, "headers": self.told, "bytes": count}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET  # noqa: N815 - the library's own name

    @property
    def told(self) -> dict[str, str]:
        return {name.title(): value for name, value in self.headers.items()}

    @property
    def length(self) -> int:
        return int(self.headers.get("Content-Length", 0))

    def read_chunks(self) -> int:
        """Read a body of unknown length; return how long it was. One that breaks off ends the connection."""
        count = 0
        while size := int(self.rfile.readline(), 16):
            count += len(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return count

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
        pass


if __name__ == "__main__":
    for port in sys.argv[1:]:
        threading.Thread(target=ThreadingHTTPServer(("127.0.0.1", int(port)), Echo).serve_forever).start()

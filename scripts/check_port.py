"""Say before the work starts whether a server could listen on 127.0.0.1:PORT.

    python scripts/check_port.py 8000

Exits with 0 when it could; otherwise prints why not, with the remedy, and exits with 1.
"""

import socket
import sys


def problem_with(port: str) -> str | None:
    """Return what stands in the way of listening on `port`, or None."""
    if not port.isascii() or not port.isdecimal() or not 1 <= int(port) <= 65535:
        return f"PORT is {port!r}. Give a number from 1 to 65535: make run PORT=8001"
    with socket.socket() as listener:
        # As servers do: a connection still closing on this port is no obstacle.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", int(port)))
        except PermissionError:
            return f"Port {port} is reserved for the administrator. Choose one above 1023: make run PORT=8001"
        except OSError as error:
            return f"Port {port} cannot be used ({error.strerror}). Choose another: make run PORT={_next(int(port))}"
    return None


def _next(port: int) -> int:
    return port + 1 if port < 65535 else 8001


if __name__ == "__main__":
    sys.exit(problem_with(sys.argv[1]))

"""How frames reach a client under each ASGI server, and what is known about what waits there."""

"""The ASGI side: the event stream and the WebSocket, from the request to the wait."""

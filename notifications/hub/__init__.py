"""One process's live half, between the doorbell and the open streams: who has a stream open, and what each is owed."""

from __future__ import annotations

from .hub import Hub, get_hub, running_hubs

__all__ = ["Hub", "get_hub", "running_hubs"]

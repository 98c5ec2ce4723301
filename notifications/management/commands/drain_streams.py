"""Ask every worker to let its streams go, over the doorbell, before it is taken out of service."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.core.management.base import BaseCommand, CommandError, CommandParser

from notifications.conf import settings
from notifications.hub.shutdown import DRAIN_TYPE
from notifications.log.seals import seal
from notifications.management import options as given

__all__ = ["Command"]


class Command(BaseCommand):
    """Send the order to drain to every hub of the group. At most once; nobody answers."""

    help = (
        "Ask every worker, behind whatever server, to end its streams with `bye drain`, spread over some seconds. The "
        "clients come back, to other workers where the proxy has taken this one out, and miss nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Say what may be given."""
        parser.add_argument(
            "--seconds", help="seconds over which the streams are ended, at most (default: NOTIFICATIONS_DRAIN_SECONDS)"
        )
        parser.add_argument(
            "--timeout", default=5, metavar="SECONDS", help="longest wait for the channel layer (default: 5)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Send it.

        Raises:
            CommandError: an option is wrong, or the order cannot have reached a worker.
        """
        wanted = settings.drain_seconds if options["seconds"] is None else options["seconds"]
        seconds = given.parse_seconds("--seconds", wanted, least=0, most=3600)
        timeout = given.parse_seconds("--timeout", options["timeout"], least=0.1, most=60)
        layer = find_layer()
        try:
            async_to_sync(send)(layer, seal({"type": DRAIN_TYPE, "seconds": seconds, "sent_at": time.time()}), timeout)
        except TimeoutError:
            raise CommandError(
                f"The channel layer did not take the order within {timeout:g} s, so no stream was asked to go. Is its "
                "server reachable and not overloaded? Workers also drain at SIGTERM, without the layer."
            ) from None
        except Exception as error:  # whatever a layer raises: redis' errors derive from nothing that Channels knows
            raise CommandError(
                f"The channel layer failed ({type(error).__name__}: {error}), so no stream was asked to go. See that "
                "its server runs where CHANNEL_LAYERS says. Workers also drain at SIGTERM, without the layer."
            ) from error
        if options["verbosity"] > 0:
            self.stdout.write(
                f"Asked every worker of the group {settings.group!r} to let its streams go within {seconds:g} s."
            )


def find_layer() -> Any:
    """Return the layer of the doorbells, if it reaches other processes.

    Raises:
        CommandError: it does not, or there is none.
    """
    alias = settings.channel_layer
    try:
        layer = get_channel_layer(alias)
    except Exception as error:  # a backend that cannot be built
        raise CommandError(f"CHANNEL_LAYERS[{alias!r}] cannot be built: {error}") from error
    if layer is None:
        raise CommandError(f"CHANNEL_LAYERS has no {alias!r}; name the layer in NOTIFICATIONS_CHANNEL_LAYER.")
    if isinstance(layer, InMemoryChannelLayer):
        raise CommandError(
            "The in-memory channel layer reaches no other process, so no stream was asked to go. Send SIGTERM to the "
            "server's process: its streams then drain within NOTIFICATIONS_DRAIN_SECONDS. To use this command, let "
            "Redis carry the doorbells (channels_redis.pubsub.RedisPubSubChannelLayer)."
        )
    return layer


async def send(layer: Any, message: dict[str, Any], timeout_seconds: float) -> None:
    """Send to every hub of the group, or raise what the layer raises."""
    async with asyncio.timeout(timeout_seconds):
        await layer.group_send(settings.group, message)

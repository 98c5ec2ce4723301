"""The channel layer: see whether what is rung here, and in another process, is heard here.

Asks as hubs do: joins their group, hears its own probe (`hub/listener.py`), and hears a doorbell that a second process rings
for a user who does not exist. Hubs that hear it have no stream for that user and pass over it.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import Iterator
from typing import Any, Final

from channels.layers import InMemoryChannelLayer, get_channel_layer

from notifications.conf import settings
from notifications.hub.listener import LAYER_SECONDS, listen
from notifications.log import doorbell
from notifications.operations.error_reports import hide

from .findings import Finding, broken, note, risky, well
from .processes import count_processes

__all__ = ["look", "ring"]

START_SECONDS: Final = 30.0  # longest wait for a second Python to load the site: it takes one, on a busy machine ten
PROGRAM: Final = "import sys, django; django.setup(); from {module} import ring; ring(sys.argv[1])"


def look() -> Iterator[Finding]:
    """Yield what is found. That there is no layer the system checks say."""
    try:
        layer = get_channel_layer(settings.channel_layer)
    except Exception as error:  # a backend that cannot be built
        yield away(error)
        return
    if layer is None:
        yield note("unseen", "There is no layer to look at.")
    elif isinstance(layer, InMemoryChannelLayer):
        yield from look_at_memory()
    else:
        yield from asyncio.run(look_across(f"{type(layer).__module__}.{type(layer).__name__}"))


def look_at_memory() -> Iterator[Finding]:
    """Yield whether anybody needs the layer to reach further than one process."""
    count = count_processes()
    text = f"what another process changes shows after up to NOTIFICATIONS_SWEEP_SECONDS ({settings.sweep_seconds:g})"
    if count > 1:
        yield risky(
            "layer.memory",
            f"The layer is in the memory of each process, and {count} processes hold streams: {text}.",
            "Use channels_redis.pubsub.RedisPubSubChannelLayer.",
        )
    else:
        yield well("layer", f"The layer is in the memory of the process, which does for one process; {text}.")


async def look_across(name: str) -> list[Finding]:
    """Return whether the layer brings back what this process sends, and brings what another one sends."""
    nonce = f"doctor-{secrets.token_hex(8)}"
    came_back, crossed = asyncio.Event(), asyncio.Event()

    def hear(change: dict[str, Any]) -> None:
        if change["user"] == nonce:
            crossed.set()

    listener = asyncio.create_task(listen(hear, lambda: None, lambda _seconds: None, came_back.set))
    try:
        try:
            await first_of(listener, came_back, seconds=3 * LAYER_SECONDS)  # joining, the first pause, the probe
        except Exception as error:  # whatever a layer raises
            return [away(error)]
        findings = [well("layer", f"The layer ({name}) brings back what is sent.")]
        problem = await ring_elsewhere(nonce)
        if not problem:
            try:
                await first_of(listener, crossed, seconds=LAYER_SECONDS)
            except Exception as error:  # as above
                problem = f"it was not heard ({type(error).__name__})"
        if problem:
            text = f"What another process rings does not arrive here: {problem}."
            remedy = "Use a layer that reaches other processes, such as channels_redis.pubsub.RedisPubSubChannelLayer."
            return [*findings, broken("layer.alone", hide(text), remedy)]
        return [*findings, well("layer.across", "What another process rings arrives here.")]
    finally:
        listener.cancel()
        await asyncio.wait([listener])


async def first_of(listener: asyncio.Task[None], event: asyncio.Event, *, seconds: float) -> None:
    """Wait for an event, unless the listener fails before.

    Raises:
        TimeoutError: it did not come in time. Also whatever the layer raised.
    """
    waiting = asyncio.create_task(event.wait())
    try:
        done, _ = await asyncio.wait([listener, waiting], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if listener in done:
        listener.result()
    if waiting not in done:
        raise TimeoutError(f"nothing came back within {seconds:g} s")


async def ring_elsewhere(nonce: str) -> str:
    """Ring in a process of its own; return what went wrong there, or nothing."""
    path = os.pathsep.join(each or str(os.getcwd()) for each in sys.path)  # noqa: PTH109 - as Python reads an empty entry
    command = [sys.executable, "-c", PROGRAM.format(module=__name__), nonce]
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, "PYTHONPATH": path},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(START_SECONDS):
            _out, said = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return f"a second process did not start within {START_SECONDS:g} s"
    last = said.decode(errors="replace").strip().rpartition("\n")[2]
    return f"a second process failed: {last}" if process.returncode else ""


def ring(nonce: str) -> None:
    """Ring for a user who does not exist. Called in the second process."""
    doorbell.ring([doorbell.Change(nonce, 1, 1, 2, None)])
    doorbell.ringer.flush()


def away(error: Exception) -> Finding:
    """Return that the layer cannot be used."""
    return broken(
        "layer.away",
        hide(f"The channel layer {settings.channel_layer!r} does not work: {type(error).__name__}: {error}"),
        "Start its server, such as Redis, or correct CHANNEL_LAYERS. Nothing is lost; until then changes wait for the "
        f"sweeper, {settings.sweep_seconds:g} s and more.",
    )

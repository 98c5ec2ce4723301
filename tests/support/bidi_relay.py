"""Stand between Playwright and a Firefox that does not know all of its commands yet.

    bidi_relay.py /usr/bin/firefox-esr --remote-debugging-port=0 --headless …

Starts the program with these arguments, waits until it says where it listens for WebDriver BiDi, and says the same of
itself. Passes every message on, as it came, but for the refusals in `DISPENSABLE`: what they ask for no test in Firefox
needs, and Playwright gives up without it. Ends when either side does, and leaves no Firefox behind.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from contextlib import suppress
from typing import Any, Final

from websockets import ConnectionClosed
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

# Commands that newer versions have. Playwright sends the first for each new profile, also where nothing is emulated.
DISPENSABLE: Final = {"emulation.setMediaFeaturesOverride"}
LISTENING: Final = re.compile(r"WebDriver BiDi listening on (ws://\S+)")


async def main() -> None:
    """Run the program until it ends, or until Playwright has gone."""
    program = await asyncio.create_subprocess_exec(*sys.argv[1:], stderr=asyncio.subprocess.PIPE)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, program.terminate)
    try:
        address = await find_address(program)
        gone = asyncio.Event()

        async def relay(playwright: ServerConnection) -> None:
            async with connect(f"{address}/session", max_size=None, proxy=None) as firefox:
                await pass_on(playwright, firefox)
            gone.set()

        async with serve(relay, "127.0.0.1", 0, max_size=None) as server, asyncio.TaskGroup() as tasks:
            port = next(iter(server.sockets)).getsockname()[1]
            say(f"WebDriver BiDi listening on ws://127.0.0.1:{port}\n")
            log = tasks.create_task(copy_log(program))
            await asyncio.wait([log, tasks.create_task(gone.wait())], return_when=asyncio.FIRST_COMPLETED)
            stop(program)
            gone.set()
    finally:
        stop(program)
        await program.wait()


async def find_address(program: asyncio.subprocess.Process) -> str:
    """Return where the program listens, once it says so."""
    assert program.stderr is not None
    async for line in program.stderr:
        if found := LISTENING.search(line.decode()):
            return found[1]
        say(line.decode())
    raise SystemExit(f"{sys.argv[1]} ended before it listened.")


async def copy_log(program: asyncio.subprocess.Process) -> None:
    """Pass on what the program writes, until it ends."""
    assert program.stderr is not None
    async for line in program.stderr:
        say(line.decode(errors="replace"))


async def pass_on(playwright: ServerConnection, firefox: ClientConnection) -> None:
    """Carry messages both ways until one side closes."""
    dispensable: set[int] = set()

    async def carry_commands() -> None:
        async for message in playwright:
            command = json.loads(message)
            if command["method"] in DISPENSABLE:
                dispensable.add(command["id"])
            await firefox.send(message)

    async def carry_answers() -> None:
        async for message in firefox:
            if dispensable:
                answer = json.loads(message)
                if answer.get("id") in dispensable:
                    dispensable.remove(answer["id"])
                    message = json.dumps(accept(answer))
            await playwright.send(message)

    with suppress(ConnectionClosed):
        ways = [asyncio.create_task(carry_commands()), asyncio.create_task(carry_answers())]
        done, pending = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in pending:
            way.cancel()
        for way in done:
            way.result()


def accept(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what a newer version would have answered, where this one does not know the command."""
    if answer.get("error") != "unknown command":
        return answer
    return {"type": "success", "id": answer["id"], "result": {}}


def stop(program: asyncio.subprocess.Process) -> None:
    """Ask the program to end, unless it has."""
    with suppress(ProcessLookupError):
        program.terminate()


def say(line: str) -> None:
    """Write where Playwright reads."""
    sys.stderr.write(line)
    sys.stderr.flush()


if __name__ == "__main__":
    asyncio.run(main())

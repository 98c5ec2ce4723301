"""What tests of the hub's parts share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from notifications.hub.executor import Executor


@pytest.fixture
async def threads() -> AsyncIterator[Executor]:
    """Two threads that end with the test."""
    made = Executor()
    yield made
    await made.stop()

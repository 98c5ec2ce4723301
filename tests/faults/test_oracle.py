"""The oracle, short: on each line-up, what clients hold equals the database at quiet, with and without faults."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.faults.oracle.lineups import LINEUPS, Lineup
from tests.faults.oracle.run import Effort, run

SEED = os.environ.get("ORACLE_SEED", "1")  # another one draws other operations and faults
# Refusals that a writer meets when another one was quicker; anything else, a deadlock say, is an error.
EXPECTED_REFUSALS = ("is not in the database", "was deleted a moment ago", "DoesNotExist")
# What is promised is the sweep interval and one second. The rest is for machines that run other things as well.
WORST_SECONDS = 3.0 + 1.0 + 2.0


@pytest.fixture(scope="module", params=list(LINEUPS))
def lineup(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lineup]:
    """A site with everything that belongs to it, for both tests."""
    with LINEUPS[request.param](tmp_path_factory.mktemp("oracle")) as lineup:
        yield lineup


async def test_nothing_is_lost(lineup: Lineup) -> None:
    """While several writers work and lines are cut at random, nothing is missed, applied twice or told to others."""
    verdict = await run(lineup, Effort(f"{SEED} calm", changes=300))
    print(verdict)
    assert verdict.is_good, verdict
    assert not [text for text in verdict.errors if not any(words in text for words in EXPECTED_REFUSALS)], verdict
    assert not verdict.trouble, verdict
    assert max(verdict.staleness.percentile(1.0), verdict.settle_seconds) < WORST_SECONDS, verdict


async def test_nothing_is_lost_when_things_break(lineup: Lineup) -> None:
    """The same while servers, Redis, writers and lines go down and come back."""
    verdict = await run(lineup, Effort(f"{SEED} faults", changes=300, pause_seconds=0.4))
    print(verdict)
    assert verdict.is_good, verdict
    assert verdict.fault_counts, verdict

"""Tests of the log. They commit for real, on SQLite here and once more on others (`integration/test_databases.py`)."""

import pytest

from tests.support.ledger import Rung


@pytest.fixture(autouse=True)
def db(committing: None) -> None:
    """Let tests commit."""


@pytest.fixture(autouse=True)
def rung(ledger: Rung) -> Rung:
    """Everything that rings during the test, instead of ringing."""
    return ledger

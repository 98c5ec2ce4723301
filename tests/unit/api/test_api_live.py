"""What the API changes shows at once on the user's other devices."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from notifications import notify
from notifications.protocol.payloads import build_payload
from tests.support.api import Program
from tests.support.asgi import Site

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.usefixtures("bystander")
async def test_a_change_and_its_undo_reach_a_stream(site: Site, user: User) -> None:
    """An action by one device, and its undo by another, each arrive as one change where a third one follows."""
    sent = await site.do(notify, user, title="One")
    program = await site.do(Program, user)
    browser = await site.open(user)
    await browser.hello()
    done = await site.do(program.ask, "POST", f"notifications/{sent.pk}/read")
    change = await browser.next("change")
    assert change.id == done["position"]
    assert change.data["unread"] == 0
    assert change.data["upsert"][0]["read_at"] is not None
    other = await site.do(Program, user)
    undone = await site.do(other.ask, "POST", "undo", {"token": done["undo"]["token"]})
    change = await browser.next("change")
    assert change.id == undone["position"]
    assert change.data["upsert"][0]["read_at"] is None


@pytest.mark.usefixtures("bystander")
async def test_what_was_deleted_comes_back_to_a_stream(site: Site, user: User) -> None:
    """A stream is told that a notification is gone, and then the same one again, whole."""
    sent = await site.do(notify, user, title="One", data={"k": 1})
    program = await site.do(Program, user)
    browser = await site.open(user)
    await browser.hello()
    done = await site.do(program.ask, "DELETE", f"notifications/{sent.pk}")
    assert (await browser.next("change")).data["gone"] == [sent.pk]
    await site.do(program.ask, "POST", "undo", {"token": done["undo"]["token"]})
    [back] = (await browser.next("change")).data["upsert"]
    assert back == build_payload(sent) | {"modseq": back["modseq"]}

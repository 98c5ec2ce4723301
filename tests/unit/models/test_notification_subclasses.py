"""Models made of `Notification`: a proxy is one, a model with a table of its own is refused by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.db import models as db
from django.db.models.signals import post_save

from notifications import BypassesLog, mark_seen, notify
from notifications.log import raw_insert
from notifications.models import Notification
from tests.support.ledger import assert_exact

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin as a process does in which nothing was inserted yet."""
    monkeypatch.setattr(raw_insert, "_statements", {})


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """Have Django forget the models that a test makes."""
    registered = dict(apps.all_models["notifyproj"])
    yield
    apps.all_models["notifyproj"].clear()
    apps.all_models["notifyproj"].update(registered)
    apps.clear_cache()


@pytest.fixture
def proxy() -> Any:
    """A proxy, as a site's app would have it."""

    class Alert(Notification):
        class Meta:
            app_label = "notifyproj"
            proxy = True

    return Alert


@pytest.fixture
def child() -> Any:
    """A model with a column of its own. It has no table: nothing may come so far."""

    class Invoice(Notification):
        amount = db.IntegerField(default=0)

        class Meta:
            app_label = "notifyproj"

    return Invoice


def test_a_proxy_is_a_notification(user: User, other_user: User, proxy: Any) -> None:
    """It is created, saved, marked, listed and deleted through the log, and its signals name it.

    Regression: creating one failed, and after it every notify() of the process.
    """
    heard: list[Any] = []

    def hear(sender: Any, **_: Any) -> None:
        heard.append(sender)

    post_save.connect(hear, sender=proxy)
    one = proxy.objects.create(recipient=user, title="one")
    two = proxy(recipient=user, title="two")
    two.save()
    proxy.objects.bulk_create([proxy(recipient=user, title=f"bulk {n}") for n in range(2)])
    proxy.objects.bulk_create([proxy(recipient=user, title="bulk of one")])
    notify(user, title="plain")
    assert heard == [proxy, proxy]
    assert one.mark_read()
    two.title = "edited"
    two.save()
    proxy.objects.bulk_update([two], ["title"])
    assert proxy.objects.for_user(user).update(body="all") == 6
    assert proxy.objects.get(pk=two.pk).title == "edited"
    one.delete()
    proxy.objects.filter(title="plain").delete()
    assert Notification.objects.for_user(user).count() == 4
    assert not Notification.objects.for_user(other_user).exists()
    assert_exact(user)


def test_a_model_with_a_table_of_its_own_is_refused(user: User, child: Any) -> None:
    """The log writes one table. Whoever tries is told what to do, and nobody else is harmed.

    Regression: the columns of the first row that was inserted were kept for all that came after it.
    """
    writes: list[Callable[[], Any]] = [
        lambda: child.objects.create(recipient=user, title="new", amount=3),
        lambda: child(recipient=user, title="new").save(),
        lambda: child.objects.bulk_create([child(recipient=user, title="new")]),
        lambda: child.objects.bulk_update([child(pk=1, recipient=user, title="new")], ["title"]),
    ]
    for write in writes:
        with pytest.raises(BypassesLog, match=r"notifyproj\.Invoice"):
            write()
    notify(user, title="plain")
    assert Notification.objects.get().title == "plain"
    mark_seen(user)
    assert_exact(user)


def test_a_check_names_it(proxy: Any, child: Any) -> None:
    """The system check says so before anything is sent."""
    found = [problem for problem in run_checks(tags=["notifications"]) if "Invoice" in problem.msg]
    assert [problem.id for problem in found] == ["notifications.E009"]
    assert not [problem for problem in run_checks(tags=["notifications"]) if "Alert" in problem.msg]

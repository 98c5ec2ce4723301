"""The demo command: three people with a past, created once, and never on a server."""

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from notifications.models import Inbox, Notification
from notifyproj import exports as demo_exports
from notifyproj.demo import DEMO_PASSWORD, PEOPLE
from notifyproj.models import Demonstration

pytestmark = pytest.mark.django_db


@pytest.fixture
def debug(settings: Settings) -> None:
    """Turn DEBUG on, as `make run` does; pytest-django turns it off."""
    settings.DEBUG = True


@pytest.mark.usefixtures("debug")
def test_demo_people_can_log_in() -> None:
    """The accounts of the README exist with the password of the README, and only `admin` is staff."""
    call_command("create_demo", verbosity=0)
    assert [person.username for person in PEOPLE] == ["admin", "user1", "user2"]
    for person in PEOPLE:
        assert Client().login(username=person.username, password="demo")
        user = User.objects.get(username=person.username)
        assert user.is_superuser is user.is_staff is person.is_admin


@pytest.mark.usefixtures("debug")
def test_demo_inboxes_are_neither_empty_nor_all_read() -> None:
    """Everybody has something new and something read, and the badge counts exactly what is unread."""
    call_command("create_demo", verbosity=0)
    for user in User.objects.all():
        mine = Notification.objects.for_user(user)
        assert mine.read().count() > 0
        assert Inbox.objects.get(user=user).unread == mine.unread().count() > 0


@pytest.mark.usefixtures("debug")
def test_demo_links_lead_somewhere() -> None:
    """A link in a demo notification opens a page for the person who gets it."""
    call_command("create_demo", verbosity=0)
    for notification in Notification.objects.exclude(url="").select_related("recipient"):
        client = Client()
        client.force_login(notification.recipient)
        assert client.get(notification.url).status_code == 200, notification.url


@pytest.mark.usefixtures("debug")
def test_a_second_run_changes_nothing() -> None:
    """Notifications, positions in the log and a changed password all stay as they are."""
    call_command("create_demo", verbosity=0)
    user = User.objects.get(username="user1")
    user.set_password("my own")
    user.save()
    Notification.objects.for_user(user).earliest("pk").delete()
    before = list(Inbox.objects.order_by("pk").values()), list(Notification.objects.order_by("pk").values())

    call_command("create_demo", verbosity=0)

    assert (list(Inbox.objects.order_by("pk").values()), list(Notification.objects.order_by("pk").values())) == before
    user.refresh_from_db()
    assert user.check_password("my own")
    assert not user.check_password(DEMO_PASSWORD)


@pytest.mark.usefixtures("debug")
def test_a_person_who_was_removed_comes_back_alone() -> None:
    """Only who is missing is created; the others keep what they have."""
    call_command("create_demo", verbosity=0)
    User.objects.get(username="user2").delete()
    kept = set(Notification.objects.values_list("pk", flat=True))

    call_command("create_demo", verbosity=0)

    added = Notification.objects.exclude(pk__in=kept)
    assert kept < set(Notification.objects.values_list("pk", flat=True))
    assert {notification.recipient.get_username() for notification in added} == {"user2"}


@pytest.mark.usefixtures("debug")
def test_pages_name_the_accounts_that_exist(client: Client) -> None:
    """A visitor is told whom to log in as: nobody before the command has run, then all three."""
    assert client.get("/accounts/login/").context["demo_accounts"] == []
    call_command("create_demo", verbosity=0)
    assert client.get("/accounts/login/").context["demo_accounts"] == ["admin", "user1", "user2"]


def test_a_server_names_no_accounts(client: Client) -> None:
    """With DEBUG off an account that happens to be called `admin` is nobody's business."""
    User.objects.create_user("admin")
    assert client.get("/accounts/login/").context["demo_accounts"] == []


def test_a_server_is_refused() -> None:
    """With DEBUG off nothing is created, and the error names the remedy."""
    with pytest.raises(CommandError, match="createsuperuser"):
        call_command("create_demo", verbosity=0)
    assert not User.objects.exists()


@pytest.mark.usefixtures("debug")
def test_a_database_with_people_in_it_is_refused(user: User) -> None:
    """DEBUG on by mistake is not enough: what was not empty is nobody's demonstration, and whoever is in it stays alone."""
    with pytest.raises(CommandError, match=r"1 account.*DATABASE_URL"):
        call_command("create_demo", verbosity=0)
    assert [each.username for each in User.objects.all()] == ["user1"]
    assert not Notification.objects.exists()
    with pytest.raises(CommandError, match="DATABASE_URL"):  # nor did the first try mark it
        call_command("create_demo", verbosity=0)


@pytest.mark.usefixtures("debug")
def test_a_demonstration_stays_one() -> None:
    """An empty database is marked by the first run, so that later ones know it among the people who came since."""
    assert not Demonstration.objects.exists()
    call_command("create_demo", verbosity=0)
    assert Demonstration.objects.count() == 1
    User.objects.create_user("somebody")
    call_command("create_demo", verbosity=0)
    assert Demonstration.objects.count() == 1


# --- the export


@pytest.fixture
def exports(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """Do not export: note what would be."""
    asked: list[tuple[object, ...]] = []

    def note(*arguments: object) -> None:
        asked.append(arguments)
        demo_exports.free.release()

    monkeypatch.setattr(demo_exports, "export", note)
    return asked


@pytest.mark.usefixtures("debug")
def test_a_person_starts_an_export(client: Client, user: User, exports: list[tuple[object, ...]]) -> None:
    """The button begins it for whoever pressed it, and leads to where it shows."""
    client.force_login(user)
    assert "Start a demo export" in client.get("/").content.decode()
    response = client.post("/demo/export/", {"fail": "1"})
    assert (response.status_code, response["Location"]) == (302, "/notifications/")
    while not exports:  # the thread has begun
        pass
    assert exports == [(user.pk, "en", True)]


@pytest.mark.usefixtures("debug")
def test_a_look_exports_nothing(client: Client, user: User, exports: list[tuple[object, ...]]) -> None:
    """Neither a GET, nor who is not logged in, nor one beyond those that run already."""
    assert client.post("/demo/export/")["Location"].startswith("/accounts/login/")
    client.force_login(user)
    assert client.get("/demo/export/").status_code == 405
    for _ in range(demo_exports.MAX_AT_ONCE):
        assert demo_exports.free.acquire(blocking=False)
    assert client.post("/demo/export/").status_code == 302
    for _ in range(demo_exports.MAX_AT_ONCE):
        demo_exports.free.release()
    assert exports == []


def test_a_server_has_no_export(client: Client, user: User) -> None:
    """With DEBUG off there is neither the button nor what it does."""
    client.force_login(user)
    assert "demo export" not in client.get("/").content.decode()
    assert client.post("/demo/export/").status_code == 404


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("fails", "state", "done"), [(False, "success", 400), (True, "failure", 201)])
def test_an_export_ends_as_it_was_wanted(
    user: User, monkeypatch: pytest.MonkeyPatch, fails: bool, state: str, done: int
) -> None:
    """It counts to the end, or fails in the middle with a reason, and makes room for the next."""
    monkeypatch.setattr(demo_exports, "SECONDS_PER_ROW", 0.0)
    demo_exports.free.acquire()
    demo_exports.export(user.pk, "en", fails)
    row = Notification.objects.get(recipient=user)
    assert row.data["progress"] == {"done": done, "total": 400, "state": state}
    assert ("100 MB" in row.body) == fails

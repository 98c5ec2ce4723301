"""The site's environment and settings: what each variable means, what is refused, what a browser is told."""

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client

from notifyproj import environment

BASE_DIR = Path(settings.BASE_DIR)


@pytest.mark.parametrize(("word", "expected"), [("1", True), ("True", True), ("on", True), ("0", False), ("", False)])
def test_debug_is_read_from_words(word: str, expected: bool) -> None:
    """DEBUG understands the usual words for on and off; empty is off."""
    assert environment.debug({"DEBUG": word}) is expected


def test_debug_is_off_when_not_set() -> None:
    """A server that says nothing about DEBUG runs without it."""
    assert environment.debug({}) is False


def test_debug_refuses_other_words() -> None:
    """A DEBUG that is neither on nor off is named in the error, with the remedy."""
    with pytest.raises(ImproperlyConfigured, match=r"DEBUG is 'maybe'\. Set it to 1"):
        environment.debug({"DEBUG": "maybe"})


def test_secret_key_has_a_stand_in_only_in_debug() -> None:
    """The insecure built-in key applies with DEBUG on, and never replaces one that was given."""
    assert environment.secret_key({}, is_debug=True).startswith("django-insecure-")
    assert environment.secret_key({"SECRET_KEY": "mine"}, is_debug=True) == "mine"
    assert environment.secret_key({"SECRET_KEY": "mine"}, is_debug=False) == "mine"


def test_secret_key_is_demanded_on_a_server() -> None:
    """With DEBUG off a missing key is an error that shows how to make one."""
    with pytest.raises(ImproperlyConfigured, match=r"SECRET_KEY is not set.*token_urlsafe"):
        environment.secret_key({"SECRET_KEY": " "}, is_debug=False)


def test_allowed_hosts_are_split_at_commas() -> None:
    """Spaces and empty parts do not matter; an IPv6 address in brackets is a host."""
    hosts = environment.allowed_hosts({"ALLOWED_HOSTS": "a.example, .b.example,,[::1]"}, is_debug=False)
    assert hosts == ["a.example", ".b.example", "[::1]"]


def test_allowed_hosts_default_to_this_machine_only_in_debug() -> None:
    """With DEBUG off nobody is answered until the hosts are named."""
    assert environment.allowed_hosts({}, is_debug=True) == ["localhost", "127.0.0.1", "[::1]"]
    assert environment.allowed_hosts({}, is_debug=False) == []


@pytest.mark.parametrize("host", ["https://a.example", "a.example:8000", "a.example/path"])
def test_allowed_hosts_refuse_addresses(host: str) -> None:
    """A scheme, port or path would never match a Host header, so it is refused by name."""
    with pytest.raises(ImproperlyConfigured, match=f"contains '{host}'"):
        environment.allowed_hosts({"ALLOWED_HOSTS": f"b.example,{host}"}, is_debug=True)


@pytest.mark.parametrize("url", ["", "sqlite:////data/site.sqlite3"])
def test_sqlite_is_ready_for_threads(url: str) -> None:
    """Every SQLite database, the default and a named one, is a file in WAL mode whose writers wait for each other."""
    config = environment.databases({"DATABASE_URL": url}, base_dir=Path("/site"))["default"]
    assert config["NAME"] == ("/data/site.sqlite3" if url else "/site/db.sqlite3")
    assert config["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in config["OPTIONS"]["init_command"]
    assert config["OPTIONS"]["timeout"] > 0


def test_sqlite_options_in_the_address_win() -> None:
    """What DATABASE_URL says in its query stands above the site's own options."""
    url = "sqlite:////data/site.sqlite3?transaction_mode=EXCLUSIVE"
    options = environment.databases({"DATABASE_URL": url}, base_dir=Path("/site"))["default"]["OPTIONS"]
    assert options["transaction_mode"] == "EXCLUSIVE"
    assert "journal_mode=WAL" in options["init_command"]


def test_postgresql_is_read_from_its_address() -> None:
    """DATABASE_URL names a PostgreSQL database; percent-encoded characters are decoded."""
    url = "postgres://someone:p%40ss@db.example:5433/notify"
    config = environment.databases({"DATABASE_URL": url}, base_dir=Path("/site"))["default"]
    assert config["ENGINE"] == "django.db.backends.postgresql"
    assert (config["USER"], config["PASSWORD"], config["HOST"], config["PORT"], config["NAME"]) == (
        "someone",
        "p@ss",
        "db.example",
        5433,
        "notify",
    )


def test_mariadb_is_read_from_its_address() -> None:
    """DATABASE_URL names a MariaDB database, by a host or by a socket's percent-encoded path."""
    for host, read in (("db.example:3307", "db.example"), ("%2Frun%2Fmysqld.sock", "/run/mysqld.sock")):
        url = f"mysql://someone:secret@{host}/notify"
        config = environment.databases({"DATABASE_URL": url}, base_dir=Path("/site"))["default"]
        assert (config["ENGINE"], config["HOST"], config["NAME"]) == ("django.db.backends.mysql", read, "notify")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("oracle://someone:secret@host/name", "oracle://someone:…@host/name"),
        ("notify", "notify"),
        ("sqlite://", "sqlite://"),
        ("sqlite://:memory:", "sqlite://:memory:"),
        ("postgres://someone:secret@host:port/name", "postgres://someone:…@host:port/name"),
    ],
)
def test_databases_that_cannot_work_are_refused(url: str, shown: str) -> None:
    """The error names the address, without its password."""
    with pytest.raises(ImproperlyConfigured) as refusal:
        environment.databases({"DATABASE_URL": url}, base_dir=Path("/site"))
    assert repr(shown) in str(refusal.value)
    assert "secret" not in str(refusal.value)


def test_layers_stay_in_the_process_without_redis() -> None:
    """No REDIS_URL: nothing to install, one process."""
    assert environment.channel_layers({})["default"]["BACKEND"] == "channels.layers.InMemoryChannelLayer"


def test_redis_is_used_through_publish_and_subscribe() -> None:
    """REDIS_URL chooses the pub/sub layer and is handed to it as it is."""
    layer = environment.channel_layers({"REDIS_URL": "redis://localhost:6380/2"})["default"]
    assert layer["BACKEND"] == "channels_redis.pubsub.RedisPubSubChannelLayer"
    assert layer["CONFIG"]["hosts"] == ["redis://localhost:6380/2"]


def test_redis_refuses_other_addresses() -> None:
    """A REDIS_URL of another scheme is named in the error, without its password."""
    with pytest.raises(ImproperlyConfigured, match=r"REDIS_URL is 'http://:…@localhost'.*redis://host:6379/0"):
        environment.channel_layers({"REDIS_URL": "http://:secret@localhost"})


@pytest.mark.only_on("sqlite")
@pytest.mark.django_db
def test_the_test_database_is_a_file_in_wal_mode() -> None:
    """Tests run on what the site runs on: a file that readers and a writer use at once."""
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert cursor.execute("PRAGMA database_list").fetchone()[2].partition("_gw")[0].endswith(".sqlite3")


def _manage(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py in an environment of its own: nothing of ours but the PATH."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR,
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_server_passes_the_deployment_check() -> None:
    """With DEBUG off and its variables set, `check --deploy` has nothing to say."""
    result = _manage(
        "check",
        "--deploy",
        "--fail-level=WARNING",
        DEBUG="0",
        SECRET_KEY="k3y-" * 5 + "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
        ALLOWED_HOSTS="notify.example.com",
        REDIS_URL="redis://127.0.0.1:6379/0",
    )
    assert result.returncode == 0, result.stderr
    assert "no issues" in result.stdout


def test_manage_runs_with_debug_on_a_fresh_checkout() -> None:
    """Without any variable `manage.py` takes the machine for a developer's."""
    result = _manage("shell", "--no-imports", "-c", "from django.conf import settings; print(settings.DEBUG)")
    assert result.stdout.strip() == "True", result.stderr


def test_manage_leaves_debug_off_where_a_secret_key_is_set() -> None:
    """A machine with a SECRET_KEY is a server: DEBUG, and the demo accounts with it, must be asked for."""
    result = _manage("create_demo", SECRET_KEY="a-server-has-one")
    assert result.returncode == 1
    assert "DEBUG is off" in result.stderr


def test_manage_leaves_debug_off_where_a_database_is_named(tmp_path: Path) -> None:
    """A cron job that knows the database but not the key got DEBUG, and made the demo accounts in the real one."""
    database = f"sqlite:///{tmp_path}/real.sqlite3"
    assert _manage("migrate", DATABASE_URL=database, DEBUG="1").returncode == 0
    result = _manage("create_demo", DATABASE_URL=database)
    assert result.returncode == 1
    assert "SECRET_KEY is not set and DEBUG is off" in result.stderr
    count = "from django.contrib.auth.models import User; print(User.objects.count())"
    assert _manage("shell", "--no-imports", "-c", count, DATABASE_URL=database, DEBUG="1").stdout.strip() == "0"


@pytest.mark.parametrize("name", ["ALLOWED_HOSTS", "GRIP_URL", "REDIS_URL"])
def test_manage_takes_no_server_for_a_developers_machine(name: str) -> None:
    """Whatever else is set for the site says as well that somebody runs it."""
    result = _manage("check", **{name: "anything"})
    assert result.returncode == 1
    assert "DEBUG is off" in result.stderr


class _InlineCode(HTMLParser):
    """Collect what a strict Content-Security-Policy keeps from running."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element when it brings code or style of its own. A `type` such as JSON makes a script mere data."""
        names = dict(attrs)
        is_code = tag == "script" and "src" not in names and names.get("type") in {None, "module", "text/javascript"}
        has_handler = any(name == "style" or name.startswith("on") for name in names)
        if is_code or tag == "style" or has_handler:
            self.found.append(self.get_starttag_text() or tag)


PAGES = [
    "/",
    "/notifications/",
    "/admin/",
    "/admin/auth/user/",
    "/admin/auth/user/add/",
    "/admin/live_notifications/notification/",
    "/admin/live_notifications/notification/add/",
]


@pytest.mark.parametrize("page", ["/accounts/login/", "/admin/login/"])
def test_login_pages_hold_no_inline_code(client: Client, db: None, page: str) -> None:
    """What an anonymous visitor sees works under the policy."""
    _assert_strict(client, page)


@pytest.mark.parametrize("page", PAGES)
def test_pages_hold_no_inline_code(admin_client: Client, page: str) -> None:
    """Every page, those of the admin included, works under the policy that it is served with."""
    _assert_strict(admin_client, page)


def _assert_strict(client: Client, page: str) -> None:
    response = client.get(page)
    assert response.status_code == 200
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    parser = _InlineCode()
    parser.feed(response.content.decode())
    assert parser.found == []


def test_browsers_find_an_icon_where_a_page_names_none(client: Client) -> None:
    """The admin names no icon, so its visitors' browsers ask for /favicon.ico."""
    assert client.get("/favicon.ico").headers["Location"] == "/static/favicon.svg"

"""`manage.py tail_notifications` as an operator runs it: live, resuming, and ended with Ctrl-C."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pytest

from tests.support.processes import Process
from tests.support.redis import Redis
from tests.support.servers import PYTHON, Person, Site
from tests.support.shell import ROOT

GO_ON = re.compile(r"Go on with --since (\S+)")


def tail(site: Site, person: Person, *arguments: str) -> Process:
    """Start the command."""
    command = [PYTHON, "manage.py", "tail_notifications", person.username, *arguments]
    env = site.env(**({} if site.redis_url else {"NOTIFICATIONS_SWEEP_SECONDS": 0.2}))
    return Process(command, name="tail", env=env, cwd=ROOT)


def interrupt(process: Process) -> str:
    """Press Ctrl-C; return the position that the command tells to go on from."""
    process.send_signal(signal.SIGINT)
    assert process.wait() == 0, process.tail
    match = GO_ON.search(process.log)
    assert match, process.tail
    return match[1]


def test_it_follows_resumes_and_ends(site: Site, user: Person, other: Person) -> None:
    """What happens to its user shows, nobody else's; where it was left it goes on, and misses nothing."""
    send = "notify(user, title=title, category='billing').pk"
    site.call(send, user=user.pk, title="Before")
    with tail(site, user) as process:
        process.wait_for_line("1 unread")
        site.call(send, user=other.pk, title="Secret")
        pk = site.call(send, user=user.pk, title="Live \x1b[31mred")
        process.wait_for_line(rf"\+ {pk} info billing: Live �\[31mred")
        site.call("Notification.objects.get(pk=pk).mark_read()", pk=pk)
        process.wait_for_line(rf"\+ {pk} .*\(read\)")
        position = interrupt(process)
        assert "Traceback" not in process.log
        assert "Before" not in process.log
        assert "Secret" not in process.log
        assert "\x1b" not in process.log
    site.call("[notify(user, title=f'Missed {n}').pk for n in range(3)]", user=user.pk)
    site.call("Notification.objects.get(pk=pk).delete()", pk=pk)
    with tail(site, user, "--since", position, "--json") as process:
        process.wait_for_line('"event": "reset"')
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0, process.tail
        (event,) = map(json.loads, process.log.splitlines())
        titles = [item["title"] for item in event["data"]["snapshot"]["items"]]
        assert titles == ["Missed 2", "Missed 1", "Missed 0", "Before"]
        assert event["data"]["reason"] == "purged"
    with tail(site, user, "--since", event["id"]) as process:
        site.call(send, user=user.pk, title="Again")
        process.wait_for_line("Again")
        assert "Missed" not in process.log
        interrupt(process)
    assert not site.call("from notifications import is_online; is_online(user)", user=user.pk)


def test_it_hears_the_doorbell_over_redis(blank: Path, tmp_path: Path) -> None:
    """With Redis a change shows long before the next sweep; when Redis dies the command goes on."""
    settings = {"NOTIFICATIONS_SWEEP_SECONDS": 3600.0}
    with Redis(tmp_path) as redis, Site(tmp_path, blank=blank, redis_url=redis.url, settings=settings) as site:
        user = site.add_person("user")
        with tail(site, user) as process:
            process.wait_for_line("0 unread")
            for number in range(3):
                site.call("notify(user, title=title).pk", user=user.pk, title=f"Rung {number}")
                process.wait_for_line(f"Rung {number}")
            redis.kill()
            process.wait_for_line("failed and is tried again")
            assert process.is_running
            interrupt(process)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["nobody"], "There is no user 'nobody'"), (["{user}", "--since", "41"], "--since '41' is not a position")],
)
def test_it_refuses_what_is_wrong(site: Site, user: Person, arguments: list[str], words: str) -> None:
    """An unknown user or a position that is none: one line that says so, and status 1."""
    command = [PYTHON, "manage.py", "tail_notifications", *(each.format(user=user.username) for each in arguments)]
    with Process(command, env=site.env(), cwd=ROOT) as process:
        assert process.wait() == 1
        assert words in process.log
        assert "Traceback" not in process.log

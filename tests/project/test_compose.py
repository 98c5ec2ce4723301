"""`docs/recipes/compose.yaml` and its Dockerfile name what there is: files, commands, variables, networks, addresses.

No container is started: there is no Docker where the tests run. So nobody has seen here that the images start, that the
volumes have the owners that the Dockerfile gives them, or that the health checks of the containers pass. What runs in them
is tested elsewhere: nginx.conf and the workers' options in `integration/test_recipes.py` and `e2e/test_nginx.py`.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from django.core.management import get_commands, load_command_class

from notifyproj import environment
from tests.support.fronts import RECIPES, SBIN, certify
from tests.support.nginx import MAIN, MIME_TYPES
from tests.support.processes import Process, find_program, free_port
from tests.support.shell import ROOT
from tests.support.workers import unit

FILE: Final = RECIPES / "compose.yaml"
GUIDE: Final = (ROOT / "docs" / "howto" / "compose.md").read_text()
IN_CONTAINER: Final = "/srv/notifyproj"  # where the Dockerfile puts the site, and the other recipes do
VARIABLE: Final = re.compile(r"\$\{(\w+)(:\?)?\}")
SITE: Final = ("release", "worker1", "worker2", "manage")
WORKERS: Final = ("worker1", "worker2")
FLAGS: Final = {"--no-access-log"}  # options of uvicorn without a value


@cache
def compose() -> Any:
    """Return the file as Compose reads it, aliases and merges resolved."""
    return yaml.safe_load(FILE.read_text())


def services() -> dict[str, dict[str, Any]]:
    """Return each service by its name."""
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def scripts_of(service: dict[str, Any]) -> list[list[str]]:
    """Return the commands that a service's container runs, those within `sh -c` included."""
    words = [*service.get("entrypoint", []), *service.get("command", [])]
    if words[:2] == ["sh", "-c"]:
        return [shlex.split(part) for part in words[2].replace("$$", "$").split("&&")]
    return [words] if words else []


def test_the_services_are_the_five_and_what_prepares_them() -> None:
    """A database, Redis, two workers alike, nginx; and one service each for a release and for commands."""
    assert set(services()) == {"postgres", "redis", "nginx", *SITE}
    first, second = (dict(services()[name]) for name in WORKERS)
    assert first.pop("networks") != second.pop("networks")
    assert first == second
    assert first["restart"] == "always"


def test_every_variable_is_asked_for_and_named_by_the_guide() -> None:
    """Compose refuses to start without one of them, instead of starting with an empty password."""
    text = re.sub(r"^ *#.*$", "", FILE.read_text(), flags=re.MULTILINE)
    used = VARIABLE.findall(text)
    assert {name for name, must in used if not must} == set()
    [block] = re.findall(r"^```sh\n((?:[A-Z_]+=.*\n)+)```$", GUIDE, re.MULTILINE)
    assert {name for name, _must in used} == set(re.findall(r"^([A-Z_]+)=", block, re.MULTILINE))


def test_the_site_has_variables_that_it_reads() -> None:
    """Each name is one that the settings read, or uvicorn; and all that production needs are there."""
    settings = (ROOT / "notifyproj" / "environment.py").read_text()
    known = set(re.findall(r'_value\(environ, "(\w+)"\)', settings))
    uvicorn = subprocess.run(
        [sys.executable, "-m", "uvicorn", "--help"], capture_output=True, text=True, check=True, timeout=60
    )
    assert "$FORWARDED_ALLOW_IPS" in re.sub(r"\s+", " ", uvicorn.stdout)
    for name in SITE:
        given = services()[name]["environment"]
        assert given.keys() - {"FORWARDED_ALLOW_IPS"} <= known
        assert {"SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL", "REDIS_URL"} <= given.keys()
        assert "DEBUG" not in given


def test_the_site_can_read_what_it_is_given() -> None:
    """The addresses of database and Redis lead to the services of these names, with their names and passwords."""
    given = {
        name: VARIABLE.sub(lambda match: f"the-{match[1].lower()}", value)
        for name, value in services()["worker1"]["environment"].items()
    }
    database = environment.databases(given, base_dir=ROOT)["default"]
    theirs = services()["postgres"]["environment"]
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert database["HOST"] in services()
    assert (database["NAME"], database["USER"]) == (theirs["POSTGRES_DB"], theirs["POSTGRES_USER"])
    assert database["PASSWORD"] == "the-postgres_password"
    [address] = environment.channel_layers(given)["default"]["CONFIG"]["hosts"]
    assert address == "redis://:the-redis_password@redis:6379/0"
    assert services()["redis"]["command"][-2:] == ["--requirepass", "${REDIS_PASSWORD:?}"]


def test_every_file_is_there() -> None:
    """What is mounted from beside the file exists; what is mounted from the machine is named at the file's head."""
    head = FILE.read_text().partition("\nname:")[0]
    for service in services().values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            if source.startswith("."):
                assert (RECIPES / source).is_file(), source
            elif source.startswith("/"):
                assert f"#   {source} " in head
            else:
                assert source in compose()["volumes"]
        if "build" in service:
            context = (RECIPES / service["build"]["context"]).resolve()
            assert context == ROOT
            assert (context / service["build"]["dockerfile"]).is_file()


def test_the_image_holds_what_runs_in_it() -> None:
    """Each source of a COPY exists, the requirements with what they refer to, and nothing runs as root."""
    text = (RECIPES / "Dockerfile").read_text()
    copied = [word for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE) for word in line.split()[:-1]]
    assert {"manage.py", "notifications", "notifyproj", "templates", "static", "locale"} <= set(copied)
    assert [name for name in copied if not (ROOT / name).exists()] == []
    needed = re.findall(r"^-[cr] (\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert {"requirements.txt", *needed} <= set(copied)
    assert re.findall(r"^WORKDIR (.+)$", text, re.MULTILINE) == [IN_CONTAINER]
    assert re.findall(r"^(?:USER|RUN useradd) .*", text, re.MULTILINE)[-1] == "USER notifyproj"
    [version] = re.findall(r"^FROM python:(3\.\d+)-slim$", text, re.MULTILINE)
    assert f'"Programming Language :: Python :: {version}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("name", SITE)
def test_every_command_exists(name: str) -> None:
    """A command of manage.py that Django knows, with options that it has; uvicorn, with the options of the unit."""
    for words in scripts_of(services()[name]):
        if words[0] == "uvicorn":
            assert (Path(sys.executable).parent / "uvicorn").exists()
            assert options_of(words) == options_of(shlex.split(unit(8000)["Service"]["ExecStart"]))
            continue
        assert words[:2] == ["python", "manage.py"]
        assert words[2] in get_commands()
        app = get_commands()[words[2]]
        command = app if not isinstance(app, str) else load_command_class(app, words[2])
        command.create_parser("manage.py", words[2]).parse_args(words[3:])


def options_of(words: list[str]) -> set[str]:
    """Return a command's options as `--name=value`, and what it serves, without where it listens."""
    options: list[str] = []
    for word in words[1:]:
        wants_value = bool(options) and options[-1].startswith("--") and "=" not in options[-1]
        if wants_value and options[-1] not in FLAGS and not word.startswith("--"):
            options[-1] += f"={word}"
        else:
            options.append(word)
    return {option for option in options if not option.startswith(("--host=", "--port="))}


def test_the_commands_of_the_guide_are_of_this_file() -> None:
    """Each service that the guide names is there, and so is each command of manage.py."""
    lines = [line for line in GUIDE.splitlines() if line.startswith("docker compose ")]
    assert len(lines) == 7
    for line in lines:
        words = shlex.split(line)
        assert words[2:6] == ["--env-file", ".env", "-f", "docs/recipes/compose.yaml"]
        if words[6] == "run":
            assert words[8] in services()
            assert set(words[9:10]) <= get_commands().keys()
        elif words[6] == "up" and "--wait" in words:
            assert words[-1] in WORKERS


def test_a_worker_has_time_to_say_goodbye() -> None:
    """As much as the systemd unit grants."""
    assert {services()[name]["stop_grace_period"] for name in WORKERS} == {f"{unit()['Service']['TimeoutStopSec']}s"}


def test_only_nginx_can_be_reached() -> None:
    """Nobody else publishes a port; database and Redis are in a network without a way out."""
    assert [name for name, service in services().items() if "ports" in service] == ["nginx"]
    assert services()["nginx"]["ports"] == ["80:80", "443:443"]
    assert compose()["networks"]["inside"] == {"internal": True}
    for name in ("postgres", "redis"):
        assert services()[name]["networks"] == ["inside"]


def test_nginx_leads_to_the_workers(tmp_path: Path) -> None:
    """What its command makes of the recipe is accepted by nginx, names both workers, and is whom uvicorn believes."""
    at = {name: services()[name]["networks"]["front"]["ipv4_address"] for name in ("nginx", *WORKERS)}
    assert {services()[name]["environment"]["FORWARDED_ALLOW_IPS"] for name in WORKERS} == {at["nginx"]}
    [(_sh, _c, script)] = [services()["nginx"]["command"]]
    sed, _, start = script.replace("$$", "$").partition(" > /etc/nginx/conf.d/default.conf && exec ")
    assert start.strip() == 'nginx -g "daemon off;"'
    shell = sed.replace("/recipes/nginx.conf", str(RECIPES / "nginx.conf"))
    ran = subprocess.run(
        ["sh", "-c", shell],
        env={"HOST": "notify.example.org", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    made = ran.stdout
    assert re.findall(r"^ +server (\S+) ", made, re.MULTILINE) == [f"{at[name]}:8000" for name in WORKERS]
    assert set(re.findall(r"server_name (.+);", made)) == {"notify.example.org"}
    assert "example.com" not in re.sub(r"^#.*$", "", made, flags=re.MULTILINE)
    assert f"alias {IN_CONTAINER}/staticfiles/;" in made
    mounted = [volume for volume in services()["nginx"]["volumes"] if volume.startswith("static:")]
    assert mounted == [f"static:{IN_CONTAINER}/staticfiles:ro"]
    assert {f"static:{IN_CONTAINER}/staticfiles"} == {volume for name in SITE for volume in services()[name]["volumes"]}
    check_with_nginx(made, tmp_path)


def check_with_nginx(site: str, folder: Path) -> None:
    """Have a real nginx read it, with a certificate that is here, and ports that anybody may take."""
    certify(folder)
    site = site.replace("/etc/letsencrypt/live/notify.example.org/", f"{folder}/")
    for port in ("80", "443"):
        site = re.sub(rf"listen ((?:\[::\]:)?){port}\b", rf"listen \g<1>{free_port()}", site)
    (folder / "site.conf").write_text(site)
    main = MAIN.format(user="", processes=1, folder=folder, mime_types=MIME_TYPES, more="")
    (folder / "nginx.conf").write_text(main)
    program = find_program("nginx", folders=SBIN)
    with Process([program, "-t", "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"]) as nginx:
        assert nginx.wait() == 0, nginx.tail

"""What strangers send is bounded before it is parsed: no request holds the event loop, whatever Python runs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path
from typing import Any, Final

import django
import pytest
from packaging.specifiers import SpecifierSet

from notifications.access.auth import read_session_key
from notifications.access.headers import read_headers
from notifications.access.origin import is_own_page
from notifications.endpoints.websocket import parse_order
from notifications.exceptions import Refusal

ROOT: Final = Path(__file__).resolve().parents[3]
SUPPORTED: Final = ("3.11", "3.12", "3.13")  # pyproject.toml says so
MOST_LOOKS: Final = 4


def interpreters() -> dict[str, str]:
    """Return a program for each Python that this Django supports and this machine has, the one that runs this included."""
    found = {f"{sys.version_info.major}.{sys.version_info.minor}": sys.executable}
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    supported = SpecifierSet(metadata("django")["Requires-Python"])
    for version in filter(supported.contains, SUPPORTED):
        program = next(versions.glob(f"{version}*/bin/python"), None) or shutil.which(f"python{version}")
        if program is not None:
            found.setdefault(version, str(program))
    return found


@pytest.mark.parametrize("program", interpreters().values(), ids=interpreters())
def test_a_stranger_is_looked_at_a_few_times_at_most(program: str) -> None:
    """Nothing that is sent is looked at more than four times over.

    A cookie of 8 KB held the event loop for 0.7 s and one of 30 KB for 38 s, for Python before 3.11.10 and 3.12.6 takes
    the quoting off a cookie in the square of the time, and all cookies were parsed, twice.
    """
    print(f"Not asked: {sorted(set(SUPPORTED) - set(interpreters()))}")
    packages = str(Path(django.__file__).parents[1])
    done = subprocess.run(
        [program, "-m", "tests.support.looked_at"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}{os.pathsep}{packages}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    looked: dict[str, list[int]] = json.loads(done.stdout)
    assert {name: pair for name, pair in looked.items() if pair[1] > MOST_LOOKS * pair[0]} == {}
    assert max(seen for _sent, seen in looked.values()) > 0, "nothing was counted"


def test_the_cookie_is_djangos() -> None:
    """The name is a whole one at the beginning of a part, and the last of several counts, as `parse_cookie` has it."""
    for text, key in [
        (b"x=1 sessionid=evil; sessionid=abc", "abc"),
        (b"sessionid=abc; x=foo sessionid=evil", "abc"),
        (b"sessionid=first;sessionid=second", "second"),
        (b"  sessionid\t= abc ", "abc"),
        (b'sessionid="a;b"', '"a'),
        (b'sessionid="', '"'),
    ]:
        assert read_session_key(read_headers([(b"cookie", text)])) == key


def test_too_much_is_as_good_as_nothing() -> None:
    """A header that no server would let through, or a key that no browser would keep, is nobody's."""
    assert read_session_key(read_headers([(b"cookie", b"a=" + b"x" * 65536 + b"; sessionid=abc")])) is None
    assert read_session_key(read_headers([(b"cookie", b"sessionid=" + b"x" * 4097)])) is None
    assert read_session_key(read_headers([(b"cookie", b"sessionid=" + b"x" * 4096)])) == "x" * 4096


def test_a_query_that_is_no_text_is_no_error() -> None:
    """Whatever bytes stand in the query, the origin is compared: Django would refuse to decode them."""
    scope: dict[str, Any] = {"type": "http", "method": "GET", "scheme": "http", "path": "/", "query_string": b"\xff"}
    assert is_own_page(scope, {b"host": [b"testserver"], b"origin": [b"http://testserver"]})


@pytest.mark.parametrize("depth", [3, 300, 900, 8000])
def test_a_deep_order_is_refused_as_any_other(depth: int) -> None:
    """However deep its JSON is nested, an order gets its refusal, which shows no more than some of it."""
    nested = "[" * depth + "]" * depth
    for text in (nested, f'{{"do": {nested}}}', f'{{"do": "read", "ids": {nested}}}'):
        with pytest.raises(Refusal) as refused:
            parse_order(text)
        assert len(str(refused.value)) < 200

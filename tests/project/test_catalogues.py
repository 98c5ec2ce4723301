"""All words go through gettext: the catalogues are whole and current, and no module of the front end has its own."""

from __future__ import annotations

import ast
import gettext
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FRONTEND = ROOT / "notifications" / "frontend"
CATALOGUES = sorted(path for folder in ("locale", "notifications/locale") for path in (ROOT / folder).rglob("*.po"))
MODULES = sorted((ROOT / "notifications").rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in CATALOGUES]
# What a translation must keep: %(name)s, %d, {count}, tags, addresses of the API.
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[a-z]|\{\w+\}|</?\w+>")


def entries(path: Path) -> dict[str, str]:
    """Return what a compiled catalogue translates, without its header; each plural form under a key of its own."""
    with path.open("rb") as file:
        catalogue: dict[str | tuple[str, int], str] = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    return {" ".join(map(str, [key] if isinstance(key, str) else key)): text for key, text in catalogue.items() if key}


def test_app_and_site_speak_the_same_languages() -> None:
    """The app and the site have a catalogue each in every language, and Simplified Chinese is one."""
    languages = [{path.name for path in (ROOT / folder).iterdir()} for folder in ("locale", "notifications/locale")]
    assert languages[0] == languages[1] >= {"zh_Hans"}
    assert len(NAMES) == 2 * len(languages[0])


def test_catalogues_are_current(tmp_path: Path) -> None:
    """`make messages` finds nothing to add or to remove, and changes no byte of what people edit."""
    for folder in ("locale", "notifications", "notifyproj", "templates", "scripts"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "manage.py", tmp_path)
    command = [sys.executable, "scripts/messages.py"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    for name in NAMES:
        assert (tmp_path / name).read_text() == (ROOT / name).read_text(), f"{name}: run `make messages` and translate"
        compiled = Path(name).with_suffix(".mo")
        # By content: another version of msgfmt may lay out the same words in another way.
        assert entries(tmp_path / compiled) == entries(ROOT / compiled), f"{compiled}: run `make messages`"


@pytest.mark.parametrize("state", ["untranslated", "only-fuzzy", "only-obsolete"])
@pytest.mark.parametrize("name", NAMES)
def test_everything_is_translated(name: str, state: str) -> None:
    """No entry is empty, guessed or left over."""
    found = subprocess.run(["msgattrib", f"--{state}", name], cwd=ROOT, check=True, capture_output=True, text=True)
    assert found.stdout == ""


@pytest.mark.parametrize("name", NAMES)
def test_placeholders_match(name: str) -> None:
    """A translation fills in what the source fills in, and keeps its markup."""
    found = entries((ROOT / name).with_suffix(".mo"))
    assert found
    for source, text in found.items():
        assert sorted(PLACEHOLDER.findall(source)) == sorted(PLACEHOLDER.findall(text)), source


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_refusals_are_translated(path: Path) -> None:
    """What the API and the buttons answer is no bare text of the code."""
    assert bare_texts(path.read_text()) == []


def test_a_bare_text_would_be_found() -> None:
    """The search above finds what it is there for, and lets pass what gettext has or what only fills in."""
    assert bare_texts('Refusal(404, "x", "Gone.", remedy=_("Go."))') == ["Gone."]
    assert bare_texts('Refusal(404, "x", _("Gone."), remedy=f"Go to {place}.")') == ["Go to "]
    assert bare_texts('ValidationError({"user": "Is missing."}, code="required")') == ["Is missing."]
    assert bare_texts('Refusal(404, "x", f"{field}: {_(text)}.", remedy=_("Go."))') == []


def bare_texts(code: str) -> list[str]:
    """Return the texts for readers in a module's refusals that do not go through gettext."""
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    texts: list[ast.expr] = []
    for call in calls:
        name = getattr(call.func, "id", "")
        if name == "Refusal":
            texts += [*call.args[2:3], *(each.value for each in call.keywords if each.arg in ("message", "remedy"))]
        elif name == "ValidationError":
            texts += [*call.args[:1]]
    parts = [
        part for text in texts for part in (text.values if isinstance(text, (ast.JoinedStr, ast.Dict)) else [text])
    ]
    found = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return [text for text in found if re.search("[A-Za-z]{2}", text)]


# --- the front end's modules

TOKEN = re.compile(
    r"""//[^\n]* | /\*.*?\*/                                                # comments
    | (?<=[(=,:!&|?{};]) \s* /(?![/*]) (?:\\. | \[(?:\\.|[^\]\\\n])*\] | [^/\\\n\[])+ /[a-z]*   # regular expressions
    | (?P<text>"(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' | `(?:\\.|[^`\\])*`)""",
    re.VERBOSE | re.DOTALL,
)
# What stands here is for developers.
FOR_DEVELOPERS = re.compile(r"(?:console\.\w+|Error)\($")
# What stands here is for readers, whatever it is.
FOR_READERS = re.compile(
    r"""(?:\.(?:textContent|innerText|innerHTML|title|alt|placeholder|ariaLabel|ariaDescription|label)\s*(?:\?\?|\|\|)?=\s*
    | (?:alert|confirm|prompt|Notification)\(\s*
    | setAttribute\(\s*"(?:aria-label|aria-description|title|alt|placeholder)",\s*)$""",
    re.VERBOSE,
)
# Names of keys and of errors are words to programs only.
NAME = re.compile(
    r"[A-Z]\w*Error|Accept|Alt|Arrow\w+|Backspace|Control|Delete|End|Enter|Escape|Home|Meta|Page\w+|Shift|Tab"
)
SENTENCE = re.compile(r"[A-Z][a-z]+(?:[ ,.!?…:]|$)|[a-z]+ [a-z]+ [a-z]+|[a-z]{2,} [a-z]{2,}[.!?…]")


def words(code: str) -> Iterator[str]:
    """Yield the literals of a module that a reader could get to see."""
    for match in TOKEN.finditer(code):
        if match["text"] is None:
            continue
        before, literal = code[: match.start()], match["text"][1:-1]
        bare = re.sub(r"\$\{[^}]*\}", "", literal)  # what a template literal fills in
        if FOR_DEVELOPERS.search(before) or NAME.fullmatch(bare):
            continue
        if (FOR_READERS.search(before) and re.search(r"[A-Za-z]", bare)) or SENTENCE.match(bare):
            yield literal


@pytest.mark.parametrize("path", sorted(FRONTEND.rglob("*.js")), ids=lambda path: str(path.relative_to(FRONTEND)))
def test_modules_have_no_words_of_their_own(path: Path) -> None:
    """What a reader sees comes from templates, by `data-*` or markup, and so through gettext."""
    assert list(words(path.read_text())) == []


@pytest.mark.parametrize(
    "code",
    [
        'status.textContent = "offline";',
        'button.setAttribute("aria-label", "close");',
        "link.title = `${count} new`;",
        'say("Reconnecting…");',
        "say('You are offline');",
        'const text = "no new notifications";',
        'alert("bad");',
        'new Notification("news", { body });',
    ],
)
def test_words_in_a_module_would_be_found(code: str) -> None:
    """The search above finds what it is there for."""
    assert list(words(code))


@pytest.mark.parametrize(
    "code",
    [
        '// Say "Hello there" to nobody',
        '/* "Hello there" */',
        'console.warn("notifications: no list");',
        'throw new Error("No list in this answer");',
        'if (event.key === "Escape") close();',
        'element.textContent = "";',
        'this.querySelector(".notification-item__link [hidden]");',
        "const quoted = /[\"'] Hello/;",
    ],
)
def test_what_no_reader_sees_is_let_pass(code: str) -> None:
    """Comments, logs, errors, keys, selectors and patterns are no words."""
    assert list(words(code)) == []

"""Write the parts of `docs/reference/` that the code knows best: settings, functions, models, commands, events of the log.

    make reference

Each part stands between two comments of its page, `<!-- settings -->` and `<!-- /settings -->`; what stands around them is
written by hand. A test says when a page is behind the code.
"""

from __future__ import annotations

import inspect
import io
import logging
import os
import re
import sys
import tokenize
from argparse import Action
from collections.abc import Iterator
from dataclasses import is_dataclass
from enum import Enum
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from types import UnionType
from typing import Any, Final, get_args, is_typeddict

ROOT: Final = Path(__file__).resolve().parents[1]
PAGES: Final = ROOT / "docs" / "reference"
COMMANDS: Final = ROOT / "notifications" / "management" / "commands"
# Options that Django gives to every command.
DJANGOS_OPTIONS: Final = {
    "-h",
    "--version",
    "--verbosity",
    "--settings",
    "--pythonpath",
    "--traceback",
    "--no-color",
    "--force-color",
    "--skip-checks",
}
SECTION: Final = re.compile(r"^(Args|Returns|Raises|Yields):$", re.MULTILINE)


def main() -> None:
    """Write every page."""
    for path, text in pages():
        path.write_text(text)


def pages() -> Iterator[tuple[Path, str]]:
    """Yield each page that has such a part, with its text as it should be. Needs Django to be set up."""
    from django.utils.translation import override

    parts = {
        "python": functions,
        "settings": settings_table,
        "models": models,
        "commands": commands,
        "security-log": events_table,
    }
    for name, render in parts.items():
        path = PAGES / f"{name}.md"
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, _, rest = path.read_text().partition(begin)
        with override("en"):
            text = render().strip()
        yield path, f"{before}{begin}\n{text}\n\n{end}{rest.partition(end)[2]}"


# --- settings


def settings_table() -> str:
    """Return a row for each setting: its name, its default, and the comment above it."""
    from notifications.conf import settings

    comments = comments_above((ROOT / "notifications" / "conf.py").read_text())
    rows = [
        f"| `{setting.name}` | `{setting.default!r}` | {comments[setting.name.removeprefix('NOTIFICATIONS_').lower()]} |"
        for setting in settings
    ]
    return (
        "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows]).replace("`'", '`"').replace("'`", '"`')
    )


def comments_above(source: str) -> dict[str, str]:
    """Return the comment that stands directly above each assignment of a class's body, as one line."""
    comments: dict[str, str] = {}
    waiting: list[str] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and token.line.strip().startswith("#"):
            waiting.append(token.string.removeprefix("# "))
        elif token.type == tokenize.NAME:
            comments.setdefault(token.string, " ".join(waiting))
            waiting = []
    return comments


# --- functions


def functions() -> str:
    """Return a section for each public name: its signature and its docstring. An async twin stands with its function."""
    import notifications

    names = set(getattr(notifications, "__all__", ()))
    twins = {name for name in names if name.startswith("a") and name[1:] in names}
    return "\n\n".join(describe(name, with_twin=f"a{name}" in twins) for name in sorted(names - twins, key=str.lower))


def describe(name: str, *, with_twin: bool) -> str:
    """Return the section of one public name."""
    import notifications

    shown = [name, f"a{name}"] if with_twin else [name]
    values = [getattr(notifications, each) for each in shown]
    lines = [f"### {' and '.join(f'`{each}`' for each in shown)}", ""]
    if callable(values[0]):  # a signal is not
        heads = [head_of(*pair) for pair in zip(shown, values, strict=True)]
        lines += ["```python", *heads, "```", ""]
    elif isinstance(values[0], UnionType):
        lines += ["```python", f"{name} = {' | '.join(each.__name__ for each in get_args(values[0]))}", "```", ""]
        home = import_module(notifications.HOME_OF[name], "notifications")
        return "\n".join([*lines, comments_above(inspect.getsource(home))[name]])
    return "\n".join([*lines, markdown_of(inspect.getdoc(values[0]) or "")]).rstrip()


def head_of(name: str, value: Any) -> str:
    """Return how a function is called; of a class, what it inherits from and what it has."""
    if not inspect.isclass(value):
        return f"{'async def' if is_async(value) else 'def'} {name}{signature_of(value)}"
    if is_typeddict(value):
        return "\n".join([f"class {name}(TypedDict, total=False):", *fields_of(value)])
    if issubclass(value, Enum):
        members = [
            f'    {each.name} = "{each.value}"' if isinstance(each.value, str) else f"    {each.name}" for each in value
        ]
        return "\n".join([f"class {name}({value.__mro__[1].__name__}):", *members])
    if is_dataclass(value):
        return f"class {name}{signature_of(value).removesuffix(' -> None')}"
    methods = [
        f"    {head_of(each, method)}"
        for each, method in vars(value).items()
        if inspect.isfunction(method) and not each.startswith("_")
    ]
    bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
    return "\n".join([f"class {name}({bases}):" if bases else f"class {name}:", *methods]).removesuffix(":")


def fields_of(value: Any) -> list[str]:
    """Return the fields of a class, as they are written."""
    return [f"    {name}: {getattr(kind, '__forward_arg__', kind)!s}" for name, kind in value.__annotations__.items()]


def is_async(value: Any) -> bool:
    """Say whether a function is to be awaited, those of `sync_to_async` included."""
    from asgiref.sync import iscoroutinefunction

    return bool(iscoroutinefunction(value))


def signature_of(value: Any) -> str:
    """Return a signature as its author wrote it, without the module names of types."""
    try:
        signature = inspect.signature(getattr(value, "func", value))
    except ValueError:
        return "(…)"
    text = str(signature).replace("'", "").replace("(self, ", "(").replace("(self)", "()")
    return re.sub(r"\b(?:[a-z_]\w*\.)+(?=[A-Za-z])", "", text)


def markdown_of(docstring: str) -> str:
    """Return a docstring's text, with its sections as lists and its indented examples as code."""
    text, *sections = SECTION.split(docstring)
    lines = [code_of(text.strip())]
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        body, _, rest = body.strip("\n").partition("\n\n")
        entries = re.split(r"\n(?=\S)", dedent(body))
        lines.append(f"\n{title}:\n")
        lines += ["- " + re.sub(r"^(\w+):", r"`\1`:", " ".join(entry.split())) for entry in entries]
        lines.append(f"\n{code_of(dedent(rest).strip())}" if rest.strip() else "")
    return "\n".join(lines).strip().replace("\n\n\n", "\n\n")


def code_of(text: str) -> str:
    """Fence the paragraphs that are indented by four spaces."""
    paragraphs = re.split(r"\n\n", text)
    return "\n\n".join(
        f"```python\n{dedent(each)}\n```" if each.startswith("    ") else each for each in paragraphs
    ).replace("\n```\n\n```python\n", "\n\n")


# --- models


def models() -> str:
    """Return a section for each table: what it holds, and its columns."""
    from django.apps import apps

    sections = []
    for model in sorted(apps.get_app_config("live_notifications").get_models(), key=lambda model: model.__name__):
        rows = [f"| `{field.name}` | {kind_of(field)} | {field.help_text} |" for field in model._meta.concrete_fields]
        table = ["", "| field | kind | meaning |", "|---|---|---|", *rows]
        sections.append("\n".join([f"## `{model.__name__}`", "", markdown_of(inspect.getdoc(model) or ""), *table]))
    return "\n\n".join(sections)


def kind_of(field: Any) -> str:
    """Return what a field is, in Django's word, or where it leads."""
    name = type(field).__name__
    if field.is_relation:
        target = field.related_model
        name = f"to `{target.__name__ if target._meta.app_label == 'live_notifications' else 'AUTH_USER_MODEL'}`"
    return f"{name}, primary key" if field.primary_key else name


# --- commands


def commands() -> str:
    """Return a section for each management command: what it does, and its options."""
    from django.core.management import load_command_class

    sections = []
    for path in sorted(COMMANDS.glob("[!_]*.py")):
        command = load_command_class("notifications", path.stem)
        parser = command.create_parser("manage.py", path.stem)
        own = [
            action
            for action in parser._actions  # noqa: SLF001 - argparse has no other way
            if not DJANGOS_OPTIONS & set(action.option_strings)
        ]
        rows = [f"| `{spelling_of(action)}` | {text_of(action)} |" for action in own]
        table = ["", "| argument | meaning |", "|---|---|", *rows] if rows else []
        sections.append("\n".join([f"## `{path.stem}`", "", " ".join(str(command.help).split()), *table]))
    return "\n\n".join(sections)


def spelling_of(action: Action) -> str:
    """Return an argument as one writes it."""
    name = action.option_strings[-1] if action.option_strings else ""
    metavar = action.metavar or (action.dest.upper() if name else action.dest)
    value = "" if action.nargs == 0 else str(metavar)
    if not name:
        return f"{value} …" if action.nargs == "+" else value
    return f"{name} {value}".strip()


def text_of(action: Action) -> str:
    """Return what an argument does, and what may be given."""
    choices = f" ({', '.join(map(str, action.choices))})" if action.choices else ""
    return " ".join(str(action.help or "").replace("|", "\\|").split()) + choices


# --- the security log


def events_table() -> str:
    """Return a row for each event of the security log."""
    from notifications.access.audit import EVENTS

    rows = [f"| `{name}` | {logging.getLevelName(event.level)} | {event.meaning} |" for name, event in EVENTS.items()]
    return "\n".join(["| event | level | when |", "|---|---|---|", *rows])


if __name__ == "__main__":
    import django

    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "notifyproj.settings")
    os.environ.setdefault("DEBUG", "1")
    django.setup()
    main()

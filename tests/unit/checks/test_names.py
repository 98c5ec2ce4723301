"""The system check of the import name finds what else is called `notifications`, and nothing that is not a package."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from notifications.checks import names


def test_nothing_is_in_the_way_here() -> None:
    """Whatever the path holds twice, this app itself is no finding."""
    assert list(names.check_package()) == []


@pytest.mark.parametrize("file", ["notifications/__init__.py", "notifications.py"])
def test_a_package_on_the_path_is_found(file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its place, with the rename that helps; once, however often its folder is on the path."""
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.touch()
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path), str(tmp_path / ".")])
    (found,) = names.check_package()
    assert found.id == "notifications.E023"
    assert str(tmp_path) in found.msg
    assert "git mv notifications alerts" in str(found.hint)


def test_a_folder_without_modules_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of templates or mails of that name is nobody's package."""
    (tmp_path / "notifications").mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    assert list(names.check_package()) == []


@pytest.mark.parametrize("name", names.OTHERS)
def test_another_distribution_is_found(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """django-notifications, whose files would lie among ours."""
    info = tmp_path / f"{name.replace('-', '_')}-1.8.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.8.3\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    (found,) = names.check_package()
    assert found.id == "notifications.E023"
    assert f"pip uninstall {name}" in str(found.hint)


def test_a_folder_that_may_not_be_read_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As by an import. Regression: `manage.py check` ended with PermissionError."""

    def forbidden(self: Path, **_options: Any) -> Any:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    monkeypatch.setattr(Path, "stat", forbidden)
    assert list(names.others_on_path()) == []

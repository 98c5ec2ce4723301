"""What a deployment consists of is listed by one command, as somebody who has to answer for it asks."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

from tests.support.processes import Process, find_program
from tests.support.shell import ROOT

SECONDS = 300.0  # the first time it fetches the tool


def test_one_command_lists_what_a_deployment_consists_of(tmp_path: Path) -> None:
    """`make sbom` writes CycloneDX: each requirement with version and hashes, and nothing that only tests need."""
    made = tmp_path / "sbom.json"
    env = {name: value for name, value in os.environ.items() if name != "MAKEFLAGS"}
    # the environment is there, whatever the stamps say: a test installs nothing
    options = [f"SBOM={made}", f"VENV={sys.prefix}", f"--old-file={sys.prefix}/.installed-dev"]
    with Process([find_program("make"), "sbom", *options], env=env, cwd=ROOT) as process:
        assert process.wait(seconds=SECONDS) == 0, process.tail
    bill = json.loads(made.read_text())
    assert bill["bomFormat"] == "CycloneDX"
    found = {component["name"]: component for component in bill["components"]}
    pins = re.findall(r"^([\w-]+)(?:\[\w+\])?==([^\s;]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    listed = {name: component["version"] for name, component in found.items()}
    assert {name.lower(): version for name, version in pins}.items() <= listed.items()
    assert all(component["externalReferences"][0]["hashes"] for component in found.values())
    assert "mypy" not in found
    assert list(tmp_path.iterdir()) == [made]

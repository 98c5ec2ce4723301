"""The pairs of Python and Django: one list, which the workflow, the package's own words and the docs agree with."""

from __future__ import annotations

import re
import sys
import tomllib

import yaml

from scripts.matrix import PAIRS, TESTS, find_python
from tests.support.shell import ROOT


def test_workflow_runs_every_pair() -> None:
    """Nobody has to remember to write a new pair down twice."""
    jobs = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text())["jobs"]
    assert sorted(jobs["matrix"]["strategy"]["matrix"]["pair"]) == sorted(PAIRS)


def test_package_says_what_it_runs_on() -> None:
    """The classifiers name each Python, and no Django that the matrix does not run; a new one once its pairs have passed."""
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]

    def versions(of: str) -> set[str]:
        return {found[1] for each in classifiers if (found := re.fullmatch(rf"{of} :: (\d+\.\d+)", each))}

    assert versions("Programming Language :: Python") == {python for python, _django in PAIRS.values()}
    assert {"5.2"} <= versions("Framework :: Django") <= {django for _python, django in PAIRS.values()}


def test_the_python_that_runs_this_is_found() -> None:
    """And one that does not exist is not."""
    version = ".".join(map(str, sys.version_info[:2]))
    assert find_python(version) == sys.executable
    assert find_python("3.1") is None


def test_what_it_asks_exists() -> None:
    """A test that has been renamed is noticed here, before the matrix runs."""
    for test in TESTS:
        path, _, name = test.partition("::")
        assert (ROOT / path).exists()
        if name:
            assert f"def {name.partition('[')[0]}(" in (ROOT / path).read_text()

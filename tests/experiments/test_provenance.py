from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from pathlib import Path

import pytest

import fairclust
from fairclust.experiments import provenance
from fairclust.experiments.provenance import checkout, dump, environment, git_state, started


def test_environment_names_versions_and_machine_but_no_host_and_no_path() -> None:
    found = environment()
    assert found["fairclust"] == fairclust.__version__
    assert found["python"] == platform.python_version()
    assert set(found["versions"]) == {
        "numpy", "scipy", "scikit-learn", "numba", "highspy", "cvxpy", "zoopt", "networkx", "pandas",
    }  # fmt: skip
    assert all(found["versions"].values())
    assert found["machine"]["cores"] >= 1
    text = json.dumps(found)
    assert str(Path.home()) not in text
    assert str(Path(fairclust.__file__).parents[2]) not in text
    assert set(found["machine"]) == {"system", "architecture", "processor", "cores"}


def test_a_missing_package_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "PACKAGES", ("numpy", "no-such-package"))
    assert environment()["versions"]["no-such-package"] is None


def test_checkout_is_this_project() -> None:
    root = checkout()
    assert root is not None
    assert (root / "src" / "fairclust" / "__init__.py").samefile(fairclust.__file__)


def test_no_checkout_for_an_installed_copy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fairclust, "__file__", str(tmp_path / "lib" / "site-packages" / "fairclust" / "__init__.py"))
    assert checkout() is None
    assert git_state() is None


def test_git_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        identity = {f"GIT_{who}_{what}": "someone" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        done = subprocess.run(
            ["git", "-C", str(tmp_path), *arguments],
            env={**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    package = tmp_path / "src" / "fairclust" / "__init__.py"
    package.parent.mkdir(parents=True)
    package.write_text("")
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.setattr(fairclust, "__file__", str(package))
    assert git_state() is None  # a source archive
    git("init", "-q")
    assert git_state() is None  # nothing committed yet
    git("add", ".")
    git("commit", "-q", "-m", "one")
    commit = git("rev-parse", "HEAD")
    assert git_state() == {"commit": commit, "dirty": False}
    results = tmp_path / "book" / "results" / "x.csv"
    results.parent.mkdir(parents=True)
    results.write_text("x\n")
    assert git_state() == {"commit": commit, "dirty": False}
    package.write_text("x = 1\n")
    assert git_state() == {"commit": commit, "dirty": True}
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state() is None  # no git on this machine


def test_time_is_utc() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", started())


def test_dump_is_sorted_json_with_one_record_a_line() -> None:
    value = {"z": {"b": 1, "a": [1, 2]}, "cells": [{"y": 1, "x": "é"}, {"y": 2}], "not_run": [], "a": None}
    text = dump(value).decode()
    assert json.loads(text) == value
    assert text.index('"a": null') < text.index('"cells"') < text.index('"not_run"') < text.index('"z"')
    assert '    {"x": "é", "y": 1},\n    {"y": 2}\n' in text
    assert text.endswith("}\n")
    assert dump(dict(reversed(value.items()))) == dump(value)

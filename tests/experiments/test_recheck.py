from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import fairclust.datasets
from fairclust.datasets import DatasetUnavailable, load_bank
from fairclust.experiments import NoResults, StaleResults, recheck, registry, run

SOURCE = """
from fairclust.experiments.runner import experiment

@experiment("again", paper="welfare", title="T", measured=("speed",), datasets=("bank", "far"),
            grid=lambda quick: [{"dataset": d, "x": x} for d in ("bank", "far") for x in range(20)])
def again(*, dataset, x):
    import random
    return [{"third": x / 3, "zero": 1e-17 * (x % 2), "word": "a", "nan": float("nan"), "inf": float("inf"),
             "speed": random.random()}, {"only": x}]
"""


@pytest.fixture
def stored(
    folders: Path, module: Callable[[str, str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str], ModuleType]:
    """Stored results of the experiment; ``stored(old, new)`` edits its source and imports it anew."""

    def far(*, download: bool = True) -> Any:
        if download:
            return load_bank()
        raise DatasetUnavailable("not here")

    monkeypatch.setattr(fairclust.datasets, "LOADERS", {"bank": load_bank, "far": far})
    monkeypatch.setattr(registry, "PLACES", ("lab_again",))
    run(module("lab_again", SOURCE).again, n_jobs=1)
    return lambda old, new: module("lab_again", SOURCE.replace(old, new))


def edit_provenance(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "results" / "again.json"
    described = json.loads(path.read_text())
    change(described)
    path.write_text(json.dumps(described))


def test_agreement(stored: Callable, folders: Path) -> None:
    frame = recheck("again", n_cells=4)
    assert list(frame.columns) == ["dataset", "x", "rows", "largest_difference", "stored_seconds"]
    assert len(frame) == 4
    assert (frame["rows"] == 2).all()
    assert (frame["largest_difference"] == 0).all()
    # The data set "far" could be downloaded, but a check downloads nothing.
    assert set(frame["dataset"]) == {"bank"}
    assert recheck("again", n_cells=4)["x"].tolist() == frame["x"].tolist()
    chosen = {tuple(recheck("again", n_cells=4, random_state=seed)["x"]) for seed in range(5)}
    assert len(chosen) > 1
    assert len(recheck("again", n_cells=100)) == 20


def test_nothing_is_written(stored: Callable, folders: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in folders.rglob("*")}
    recheck("again")
    assert {p: p.stat().st_mtime_ns for p in folders.rglob("*") if "__pycache__" not in p.parts} == {
        p: t for p, t in before.items() if "__pycache__" not in p.parts
    }


def test_cheap_cells_are_preferred_and_the_limit_holds(stored: Callable, folders: Path) -> None:
    def dear(described: dict[str, Any]) -> None:
        for entry in described["cells"]:
            entry["seconds"] = 1.0 if entry["params"]["x"] < 10 else 100.0

    edit_provenance(folders, dear)
    assert set(recheck("again", n_cells=2, cost_limit_seconds=1000.0)["x"]) <= set(range(10))
    assert len(recheck("again", n_cells=10, cost_limit_seconds=3.5)) == 3
    assert recheck("again", cost_limit_seconds=0.5).empty


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("x / 3", "x / 3 * (1 + 1e-8)", r"row 0, third: stored .*, now .* \(relative difference 1e-08\)"),
        ('"word": "a"', '"word": "b"', "row 0, word: stored 'a', now 'b'"),
        ('"word": "a"', '"word": 1', "row 0, word: stored 'a', now 1"),
        ('float("nan")', "0.0", "row 0, nan: stored nan, now 0.0"),
        ('float("inf")', 'float("-inf")', "row 0, inf: stored inf, now -inf"),
        ('"only": x', '"only": None', r"row 1, only: stored \d+, now None"),
        ('"only": x', '"other": x', r"row 1, other: stored None, now \d+"),
        (', {"only": x}]', "]", "2 rows are stored, 1 come out now"),
        ("import random", "raise KeyError('gone')", "cannot be computed now, KeyError: 'gone'"),
    ],
)
def test_drift_is_found_and_shown(stored: Callable, old: str, new: str, message: str) -> None:
    assert old in SOURCE
    stored(old, new)
    with pytest.raises(StaleResults, match=message) as caught:
        recheck("again", n_cells=20)
    text = str(caught.value)
    assert text.startswith("the stored results of again are stale: ")
    assert '{"dataset":"bank","x":' in text
    assert "the code has changed since" in text
    assert text.endswith("to compute them again: fairclust reproduce welfare --only again")


def test_rounding_is_no_drift(stored: Callable) -> None:
    stored("x / 3", "x / 3 * (1 + 1e-14)")
    frame = recheck("again", n_cells=20)
    assert 0 < frame["largest_difference"].max() < 1e-13
    with pytest.raises(StaleResults):
        recheck("again", n_cells=20, rtol=1e-15)


def test_many_differences_are_summed_up(stored: Callable) -> None:
    stored("x / 3", "x / 3 + 1")
    with pytest.raises(StaleResults, match=r"stale: 20 differences in 20 cells(.|\n)*and 12 more"):
        recheck("again", n_cells=20)


def test_changed_data_are_drift(stored: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    def other() -> Any:
        data = load_bank()
        data.X["age"] += 1
        return data

    monkeypatch.setattr(fairclust.datasets, "LOADERS", {"bank": other, "far": other})
    with pytest.raises(StaleResults, match="data set bank: its content is not what was used"):
        recheck("again")


def test_changed_versions_are_mentioned(stored: Callable, folders: Path) -> None:
    edit_provenance(folders, lambda described: described["versions"].update(numpy="1.0"))
    recheck("again")  # other versions alone are no drift
    stored("x / 3", "x / 4")
    with pytest.raises(StaleResults, match=r"versions have changed since: numpy 1\.0 -> "):
        recheck("again", n_cells=20)


def test_wrong_arguments(stored: Callable) -> None:
    with pytest.raises(NoResults):
        recheck("never")
    for bad in ({"n_cells": 0}, {"rtol": -1.0}, {"cost_limit_seconds": -1.0}):
        with pytest.raises(ValueError, match="must be at least"):
            recheck("again", **bad)

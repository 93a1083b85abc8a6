"""The runner in one process; that it survives being killed is in test_pool.py."""

from __future__ import annotations

import json
import math
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import pandas as pd
import pytest
from threadpoolctl import threadpool_info

import fairclust.datasets
from fairclust.datasets import Dataset, DatasetUnavailable, load_bank
from fairclust.experiments import CellError, ResultsError, experiment, read_provenance, read_results, run

SOURCE = """
import os
from pathlib import Path
from fairclust.experiments.runner import experiment

def _grid(quick):
    return [{"x": x, "name": "a,b" if x % 2 else ""} for x in (range(2) if quick else range(5, -1, -1))]

@experiment("lab", paper="welfare", title="A laboratory", grid=_grid)
def lab(*, x, name):
    with open(os.environ["LAB_LOG"], "a") as log:
        log.write(f"{x}\\n")
    if (Path(os.environ["LAB_LOG"]).parent / f"broken-{x}").exists():
        raise ZeroDivisionError(f"broken at {x}")
    return [{"third": x / 3, "nan": float("nan"), "big": x > 2, "i": i} for i in range(x % 3)]
"""


@pytest.fixture
def lab(folders: Path, module: Callable[[str, str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("LAB_LOG", str(folders / "log"))
    return module("lab_runner", SOURCE)


def computed(folders: Path) -> list[int]:
    """The cells that were computed since the last call, in order of completion."""
    log = folders / "log"
    found = [int(line) for line in log.read_text().split()] if log.exists() else []
    log.unlink(missing_ok=True)
    return found


def files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


class TestRun:
    def test_table_and_provenance(self, lab: ModuleType, folders: Path) -> None:
        frame = lab.lab(n_jobs=1)
        # Rows in the order of the grid, parameters first, then values in order of appearance.
        assert list(frame.columns) == ["x", "name", "third", "nan", "big", "i"]
        assert frame["x"].tolist() == [5, 5, 4, 2, 2, 1]
        assert frame["third"].tolist() == [5 / 3, 5 / 3, 4 / 3, 2 / 3, 2 / 3, 1 / 3]
        assert computed(folders) == [5, 4, 3, 2, 1, 0]
        pd.testing.assert_frame_equal(read_results("lab"), frame)
        found = read_provenance("lab")
        assert found["code"] == lab.lab.code()
        assert [entry["params"]["x"] for entry in found["cells"]] == [5, 4, 3, 2, 1, 0]
        assert [entry["rows"] for entry in found["cells"]] == [2, 1, 0, 2, 1, 0]
        assert found["seconds"]["cells"] == pytest.approx(sum(e["seconds"] for e in found["cells"]), rel=1e-2)
        assert found["command"] == "fairclust reproduce welfare --only lab"
        assert found["not_run"] == []
        assert found["quick"] is False
        assert (found["computed"], found["reused"], found["carried"], found["n_jobs"]) == (6, 0, 0, 1)
        text = (folders / "results" / "lab.json").read_text()
        assert str(folders) not in text
        assert str(Path.home()) not in text

    def test_finished_cells_are_reused_and_files_left_alone(self, lab: ModuleType, folders: Path) -> None:
        first = run(lab.lab, n_jobs=1)
        before = files(folders / "results")
        computed(folders)
        again = run(lab.lab, n_jobs=1)
        assert computed(folders) == []
        assert (first.computed, first.reused, again.computed, again.reused) == (6, 0, 0, 6)
        pd.testing.assert_frame_equal(first.frame, again.frame)
        assert files(folders / "results") == before  # no new time for the same numbers
        (folders / "results" / "lab.csv").write_text("x\n1\n")
        run(lab.lab, n_jobs=1)
        assert files(folders / "results")["lab.csv"] == before["lab.csv"]

    def test_damaged_cells_are_computed_again(self, lab: ModuleType, folders: Path) -> None:
        run(lab.lab, n_jobs=1)
        before = (folders / "results" / "lab.csv").read_bytes()
        computed(folders)
        cells = {e["params"]["x"]: e["key"] for e in read_provenance("lab")["cells"]}
        for x, damage in ((5, lambda data: data[: len(data) // 2]), (2, lambda data: data.replace(b"0.6", b"0.7"))):
            (path,) = (folders / "cache" / "cells" / "lab").glob(f"{cells[x]}*.json")
            data = path.read_bytes()
            assert damage(data) != data
            path.write_bytes(damage(data))
        assert run(lab.lab, n_jobs=1).computed == 2
        assert computed(folders) == [5, 2]
        assert (folders / "results" / "lab.csv").read_bytes() == before

    def test_changed_code_is_run_again_and_a_longer_grid_only_adds(
        self, lab: ModuleType, folders: Path, module: Callable[[str, str], ModuleType]
    ) -> None:
        run(lab.lab, n_jobs=1)
        computed(folders)
        longer = module(
            "lab_runner", SOURCE.replace("range(5, -1, -1)", "range(6, -1, -1)").replace("A lab", "The lab")
        )
        assert run(longer.lab, n_jobs=1).computed == 1
        assert computed(folders) == [6]
        changed = module("lab_runner", SOURCE.replace("x / 3", "x / 4"))
        assert run(changed.lab, n_jobs=1).computed == 6
        assert read_results("lab")["third"].tolist()[0] == 5 / 4

    def test_quick_runs_stay_away_from_full_results(self, lab: ModuleType, folders: Path) -> None:
        run(lab.lab, n_jobs=1)
        before = files(folders / "results")
        computed(folders)
        done = run(lab.lab, quick=True, n_jobs=1)
        assert computed(folders) == []  # the quick cells here are cells of the full grid
        assert done.path == folders / "cache" / "quick" / "lab.csv"
        assert read_results("lab", quick=True)["x"].tolist() == [1]
        assert read_provenance("lab", quick=True)["command"].endswith("--only lab --quick")
        assert files(folders / "results") == before

    def test_results_need_a_place_before_anything_is_computed(
        self, lab: ModuleType, folders: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("FAIRCLUST_RESULTS")
        monkeypatch.setattr(fairclust, "__file__", str(folders / "a" / "b" / "c" / "__init__.py"))
        with pytest.raises(ResultsError, match="FAIRCLUST_RESULTS"):
            run(lab.lab, n_jobs=1)
        assert computed(folders) == []

    @pytest.mark.parametrize("n_jobs", [0, -2, 1.5, True])
    def test_n_jobs(self, lab: ModuleType, n_jobs: Any) -> None:
        with pytest.raises(ValueError, match="n_jobs must be None, -1 or a positive number"):
            run(lab.lab, n_jobs=n_jobs)

    def test_progress_is_quiet_unless_asked(self, lab: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
        lab.lab(n_jobs=1)
        assert capfd.readouterr() == ("", "")
        lab.lab(quick=True, n_jobs=1, progress=True)
        shown = capfd.readouterr().err
        assert "lab" in shown
        assert "2/2" in shown

    def test_linear_algebra_has_one_thread(self, folders: Path) -> None:
        @experiment("threads", paper="welfare", title="Threads", grid=lambda quick: [{}])
        def threads() -> list[dict[str, Any]]:
            return [{"threads": info["num_threads"]} for info in threadpool_info()]

        counted = threads(n_jobs=1)["threads"].tolist()
        assert counted
        assert set(counted) == {1}


class TestFailures:
    def test_the_others_finish_and_the_error_names_the_cell(self, lab: ModuleType, folders: Path) -> None:
        (folders / "broken-4").touch()
        (folders / "broken-1").touch()
        with pytest.raises(CellError) as caught:
            run(lab.lab, n_jobs=1)
        assert computed(folders) == [5, 4, 3, 2, 1, 0]
        message = str(caught.value)
        assert "2 of 6 cells of lab failed" in message
        assert '{"name":"","x":4}: ZeroDivisionError: broken at 4' in message
        assert """--only lab --debug --cell '{"name":"","x":4}'""" in message
        assert message.endswith("fairclust reproduce welfare --only lab")
        assert [f.parameters["x"] for f in caught.value.failures] == [4, 1]
        assert "lab_runner.py" in caught.value.failures[0].traceback
        assert not (folders / "results").exists()
        with pytest.raises(ZeroDivisionError, match="broken at 4"):
            lab.lab.run_cell({"x": 4, "name": ""})
        computed(folders)
        (folders / "broken-4").unlink()
        (folders / "broken-1").unlink()
        assert run(lab.lab, n_jobs=1).reused == 4
        assert computed(folders) == [4, 1]

    def test_many_processes_do_the_same(self, lab: ModuleType, folders: Path) -> None:
        run(lab.lab, n_jobs=1)
        one = (folders / "results" / "lab.csv").read_bytes()
        (folders / "cache").rename(folders / "old cache")
        computed(folders)
        (folders / "broken-0").touch()
        with pytest.raises(CellError, match="1 of 6 cells of lab failed") as caught:
            run(lab.lab, n_jobs=2)
        assert sorted(computed(folders)) == [0, 1, 2, 3, 4, 5]
        assert "ZeroDivisionError" in caught.value.failures[0].traceback
        again = pickle.loads(pickle.dumps(caught.value))
        assert str(again) == str(caught.value)
        assert again.failures == caught.value.failures
        (folders / "broken-0").unlink()
        (folders / "results" / "lab.csv").unlink()
        assert run(lab.lab, n_jobs=2).reused == 5
        assert (folders / "results" / "lab.csv").read_bytes() == one

    def test_rows_that_cannot_be_stored_are_a_failure_of_the_cell(self, folders: Path) -> None:
        @experiment("odd", paper="welfare", title="Odd", grid=lambda quick: [{"x": 0}, {"x": 1}])
        def odd(*, x: int) -> Any:
            return [{"y": object()}] if x else [{"y": 1}]

        with pytest.raises(CellError, match=r'\{"x":1\}: TypeError: row 0, column y is a object'):
            odd(n_jobs=1)

    def test_times_must_be_declared(self, folders: Path) -> None:
        def timed(*, x: int) -> Any:
            return [{"fit_seconds": 0.1, "speedup": 2.0}]

        grid = lambda quick: [{"x": 0}, {"x": 1}]  # noqa: E731
        plain = experiment("timed", paper="performance", title="T", grid=grid)(timed)
        with pytest.raises(CellError, match="column fit_seconds looks like a time"):
            plain(n_jobs=1)
        measured = experiment("timed", paper="performance", title="T", grid=grid, measured=("fit_seconds",))(timed)
        done = run(measured)
        assert list(done.frame.columns) == ["x", "fit_seconds", "speedup"]
        assert read_provenance("timed")["n_jobs"] == 1  # cells would disturb each other's times
        assert read_provenance("timed")["measured"] == ["fit_seconds"]


class TestDefinition:
    def test_names_and_papers(self) -> None:
        for name in ("Upper", "with space", "../up", "", "-x"):
            with pytest.raises(ValueError, match="experiment name"):
                experiment(name, paper="welfare", title="T", grid=lambda quick: [])
        with pytest.raises(ValueError, match="paper 'other' of experiment x must be one of antidote"):
            experiment("x", paper="other", title="T", grid=lambda quick: [])
        with pytest.raises(ValueError, match="must be tuples of names"):
            experiment("x", paper="welfare", title="T", datasets="adult", grid=lambda quick: [])

    @pytest.mark.parametrize(
        ("cells", "error", "message"),
        [
            ([{"y": 1}], TypeError, r'cannot be called with the cell \{"y":1\}'),
            ([{}], TypeError, "missing a required argument: 'x'"),
            ([{"x": 1}, {"x": 1}], ValueError, r'has the cell \{"x":1\} twice'),
            ([{"x": math.nan}], ValueError, "cell 0 of bad, parameter x is nan"),
            ([3], TypeError, "cell 0 of bad must be a dict"),
            ([{"x": 1, "dataset": "adult"}], ValueError, "a data set that the experiment does not declare"),
        ],
    )
    def test_grids_are_checked(self, cells: list[Any], error: type[Exception], message: str) -> None:
        def bad(*, x: int, dataset: str = "") -> Any:
            return []

        with pytest.raises(error, match=message):
            experiment("bad", paper="welfare", title="T", grid=lambda quick: cells)(bad).cells()

    def test_it_looks_like_its_function(self, lab: ModuleType) -> None:
        assert lab.lab.__name__ == "lab"
        assert repr(lab.lab) == "<Experiment lab: A laboratory>"
        assert (lab.lab.name, lab.lab.paper, lab.lab.title, lab.lab.datasets) == ("lab", "welfare", "A laboratory", ())

    def test_run_cell_neither_reads_nor_writes(self, lab: ModuleType, folders: Path) -> None:
        frame = lab.lab.run_cell({"x": 2, "name": ""})
        assert frame["i"].tolist() == [0, 1]
        assert not (folders / "cache").exists()

    def test_travels_to_workers_by_name_or_whole(self, lab: ModuleType, folders: Path) -> None:
        assert pickle.loads(pickle.dumps(lab.lab)) is lab.lab

        @experiment("local", paper="welfare", title="Local", grid=lambda quick: [{"x": x} for x in range(4)])
        def local(*, x: int) -> Any:
            return [{"y": x + len(os.sep), "pid": os.getpid()}]

        copy = pickle.loads(cloudpickle.dumps(local))
        assert copy.name == "local"
        assert copy.run_cell({"x": 1})["y"].tolist() == [2]
        frame = local(n_jobs=2)
        assert frame["y"].tolist() == [1, 2, 3, 4]
        assert os.getpid() not in frame["pid"].tolist()


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], Dataset]]:
    """The loaders an experiment sees: ``bank`` is the real one, ``far`` is not available; a test may change them."""

    def far() -> Dataset:
        raise DatasetUnavailable("the data set far is not available. Tried:\n  1. everything")

    loaders: dict[str, Callable[[], Dataset]] = {"bank": load_bank, "far": far}
    monkeypatch.setattr(fairclust.datasets, "LOADERS", loaders)
    return loaders


@pytest.fixture
def survey(
    folders: Path, module: Callable[[str, str], ModuleType], bank: dict[str, Callable[[], Dataset]]
) -> ModuleType:
    return module(
        "lab_survey",
        """
        from fairclust.datasets import LOADERS
        import fairclust.datasets as d
        from fairclust.experiments.runner import experiment

        def grid(quick):
            return [{"dataset": s, "column": c} for s in ("bank", "far") for c in ("age", "balance")]

        @experiment("survey", paper="radii", title="Means", datasets=("bank", "far"), grid=grid)
        def survey(*, dataset, column):
            return [{"mean": float(d.LOADERS[dataset]().X[column].mean())}]
        """,
    )


class TestData:
    def test_cells_without_data_are_reported_not_dropped(self, survey: ModuleType, folders: Path) -> None:
        done = run(survey.survey, n_jobs=1)
        assert done.frame["column"].tolist() == ["age", "balance"]
        reason = "the data set far is not available."
        expected = [{"params": {"dataset": "far", "column": c}, "reason": reason} for c in ("age", "balance")]
        assert done.not_run == expected
        found = read_provenance("survey")
        assert found["not_run"] == expected
        assert found["data"] == {"bank": load_bank().sha256, "far": None}
        assert len(found["cells"]) == 2

    def test_no_cell_at_all(self, survey: ModuleType, bank: dict[str, Callable[[], Dataset]]) -> None:
        bank["bank"] = bank["far"]
        done = run(survey.survey, n_jobs=1)
        assert len(done.not_run) == 4
        assert list(read_results("survey").columns) == ["dataset", "column"]
        assert len(read_results("survey")) == 0

    def test_changed_data_are_computed_again(
        self, survey: ModuleType, bank: dict[str, Callable[[], Dataset]], folders: Path
    ) -> None:
        run(survey.survey, n_jobs=1)
        mean = read_results("survey")["mean"][0]
        bank["bank"] = lambda: _older(load_bank())
        assert run(survey.survey, n_jobs=1).computed == 2
        assert read_results("survey")["mean"][0] == mean + 1

    def test_valid_rows_are_carried_over_where_data_is_absent(
        self, survey: ModuleType, bank: dict[str, Callable[[], Dataset]], folders: Path
    ) -> None:
        absent = bank["far"]
        bank["far"] = lambda: _older(load_bank())
        run(survey.survey, n_jobs=1)
        whole = files(folders / "results")
        bank["far"] = absent
        (folders / "cache").rename(folders / "old cache")
        done = run(survey.survey, n_jobs=1)
        assert (done.computed, done.carried, done.not_run, done.partial) == (2, 2, [], False)
        assert files(folders / "results")["survey.csv"] == whole["survey.csv"]
        before, now = json.loads(whole["survey.json"]), read_provenance("survey")
        for name in ("data", "data_content", "code"):
            assert now[name] == before[name]
        assert [e["key"] for e in now["cells"]] == [e["key"] for e in before["cells"]]

    def test_outdated_rows_are_not_mixed_with_new_ones_nor_thrown_away(
        self,
        survey: ModuleType,
        bank: dict[str, Callable[[], Dataset]],
        folders: Path,
        module: Callable[[str, str], ModuleType],
    ) -> None:
        absent = bank["far"]
        bank["far"] = load_bank
        run(survey.survey, n_jobs=1)
        whole = files(folders / "results")
        bank["far"] = absent
        source = (folders / "modules" / "lab_survey.py").read_text()
        changed = module("lab_survey", source.replace(".mean())", ".median())"))
        done = run(changed.survey, n_jobs=1)
        assert done.partial
        assert done.path == folders / "cache" / "partial" / "survey.csv"
        assert len(done.frame) == 2
        assert len(done.not_run) == 2
        assert files(folders / "results") == whole

    def test_a_cell_without_a_dataset_depends_on_all(self, folders: Path, bank: dict[str, Any]) -> None:
        @experiment("both", paper="radii", title="B", datasets=("bank", "far"), grid=lambda quick: [{}])
        def both() -> Any:
            return [{"y": 1}]

        assert run(both, n_jobs=1).not_run[0]["reason"] == "the data set far is not available."
        bank["far"] = load_bank
        assert run(both, n_jobs=1).computed == 1
        bank["bank"] = lambda: _older(load_bank())
        assert run(both, n_jobs=1).computed == 1

    def test_an_unknown_data_set_is_an_error(self, folders: Path, bank: dict[str, Any]) -> None:
        @experiment("typo", paper="radii", title="T", datasets=("bnak",), grid=lambda quick: [{"dataset": "bnak"}])
        def typo(*, dataset: str) -> Any:
            return []

        with pytest.raises(KeyError, match="no data set is called 'bnak'"):
            run(typo, n_jobs=1)


def _older(data: Dataset) -> Dataset:
    data.X["age"] += 1
    return data

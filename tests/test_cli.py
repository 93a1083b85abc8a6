from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fairclust
from fairclust import cli
from fairclust.baselines import JungKannanLutz
from fairclust.claims import scorecard
from fairclust.datasets import DatasetUnavailable, inventory, load_bank
from fairclust.experiments import PAPERS, read_results, registry
from fairclust.methods import METHODS
from fairclust.metrics import FairnessReport
from fairclust.solvers.kmeans import kmeans

SOURCE = """
from pathlib import Path
from fairclust.experiments.runner import experiment

def _grid(quick):
    return [{"x": x} for x in range(2 if quick else 5)]

@experiment("lab-one", paper="welfare", title="The first", grid=_grid)
def one(*, x):
    if (Path(__file__).parent / f"broken-{x}").exists():
        raise RuntimeError(f"broken at {x}")
    return [{"third": x / 3}]

@experiment("lab-two", paper="radii", title="The second", datasets=("bank", "far"),
            grid=lambda quick: [{"dataset": "bank"}, {"dataset": "far"}])
def two(*, dataset):
    return [{"y": 1}]
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Two experiments in place of the papers', results and cache in a folder of their own."""

    def far() -> Any:
        raise DatasetUnavailable("the data set far is not available. Tried:\n  1. everything")

    (tmp_path / "lab_cli.py").write_text(textwrap.dedent(SOURCE))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAIRCLUST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FAIRCLUST_RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr(registry, "PLACES", ("lab_cli",))
    monkeypatch.setattr(fairclust.datasets, "LOADERS", {"bank": load_bank, "far": far})
    yield tmp_path
    sys.modules.pop("lab_cli", None)


def process(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fairclust", *arguments], capture_output=True, text=True, check=False, **more
    )


class TestTop:
    def test_version_and_help(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(["--version"]) == 0
        assert capsys.readouterr().out == f"fairclust {fairclust.__version__}\n"
        for command in ([], ["data"], ["data", "fetch"], ["fit"], ["reproduce"], ["scorecard"]):
            assert cli.main([*command, "--help"]) == 0
            assert "examples:" in capsys.readouterr().out

    def test_fit_lists_the_methods(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(["fit", "--help"]) == 0
        said = [line.split() for line in capsys.readouterr().out.splitlines()]
        for name, method in METHODS.items():
            assert [name, *method.title.split(), *method.notion.split(), *method.source.split()] in said

    @pytest.mark.parametrize(
        "arguments", [[], ["unknown"], ["fit"], ["reproduce", "other"], ["scorecard", "--paper", "x"]]
    )
    def test_wrong_arguments(self, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(arguments) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert "error: " in err.splitlines()[-1]

    def test_as_a_module(self) -> None:
        done = process("--version")
        assert (done.returncode, done.stdout) == (0, f"fairclust {fairclust.__version__}\n")

    def test_an_error_is_one_line_and_a_traceback_on_demand(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def broken() -> None:
            raise ZeroDivisionError("two\nlines")

        monkeypatch.setattr(fairclust.datasets, "inventory", broken)
        assert cli.main(["data"]) == 2
        assert capsys.readouterr().err == (
            "fairclust: error: two lines (ZeroDivisionError; --debug shows the traceback)\n"
        )
        for arguments in (["data", "--debug"], ["--debug", "data"]):
            assert cli.main(arguments) == 2
            assert "Traceback" in capsys.readouterr().err

    def test_interrupt(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        def interrupted() -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(fairclust.datasets, "inventory", interrupted)
        assert cli.main(["data"]) == 130
        assert capsys.readouterr().err.strip().startswith("fairclust: interrupted; ")

    def test_a_reader_that_goes_away(self) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "w") as pipe:
            done = subprocess.run(
                [sys.executable, "-m", "fairclust", "data"], stdout=pipe, stderr=subprocess.PIPE, text=True, check=False
            )
        assert (done.returncode, done.stderr) == (141, "")

    def test_papers_are_the_runners(self) -> None:
        assert cli.PAPERS == PAPERS


class TestData:
    def test_table(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(["data"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].split() == list(inventory().columns)
        assert len(lines) == len(inventory()) + 2
        assert lines[2].startswith("adult")
        assert "32,561" in lines[2]
        assert "embedded" in lines[2]

    def test_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(["data", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert [entry["name"] for entry in found] == inventory()["name"].tolist()
        assert found[0]["rows"] == 32561

    def test_fetch(self, lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(["data", "fetch", "bank"]) == 0
        assert capsys.readouterr().out.startswith("bank: 4,521 rows x 3 columns, sha256 ")
        assert cli.main(["data", "fetch", "far", "bank"]) == 2
        out, err = capsys.readouterr()
        assert out.startswith("bank: ")
        assert "Tried:\n  1. everything" in err  # here the user needs all of it
        assert err.endswith("fairclust: error: not available: far\n")
        assert cli.main(["data", "fetch", "iris"]) == 2
        assert "no data set is called iris; there are bank, far" in capsys.readouterr().err


class TestReproduce:
    def test_all(self, lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(["reproduce", "--jobs", "1"]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        lines = out.splitlines()
        assert lines[0] == "2 experiments, 7 cells; 2 never run before"
        assert lines[1].split() == ["experiment", "cells", "reused", "not", "run", "seconds", "file"]
        assert lines[3].split()[:4] == ["lab-one", "5", "0", "0"]
        assert lines[3].split()[-1] == "results/lab-one.csv"
        assert lines[4].split()[:4] == ["lab-two", "2", "0", "1"]
        assert lines[5] == "not run: 1 cells of lab-two: the data set far is not available."
        assert read_results("lab-one")["third"].tolist() == [x / 3 for x in range(5)]
        assert cli.main(["reproduce", "--jobs", "1"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith("2 experiments, 7 cells; 1 s of computing on one core last time")
        assert lines[3].split()[:4] == ["lab-one", "5", "5", "0"]

    def test_choice(self, lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
        def run_names(*arguments: str) -> list[str]:
            assert cli.main(["reproduce", *arguments, "--list"]) == 0
            return [line.split()[0] for line in capsys.readouterr().out.splitlines()[2:]]

        assert run_names() == run_names("all") == run_names("--only", "lab") == ["lab-one", "lab-two"]
        assert run_names("radii") == run_names("--only", "two") == run_names("all", "--only", "lab-two") == ["lab-two"]
        assert run_names("--only", "two", "--only", "one") == ["lab-one", "lab-two"]
        assert run_names("antidote") == []
        assert not (lab / "results").exists()
        assert cli.main(["reproduce", "radii", "--only", "one"]) == 2
        assert "no experiment of radii has 'one' in its name; there are lab-two" in capsys.readouterr().err
        assert cli.main(["reproduce", "antidote"]) == 0
        assert capsys.readouterr().out == "there are no experiments for antidote yet\n"
        assert cli.main(["reproduce", "--jobs", "0"]) == 2
        assert "--jobs must be at least 1" in capsys.readouterr().err

    def test_quick(self, lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(["reproduce", "welfare", "--quick", "--jobs", "1"]) == 0
        assert capsys.readouterr().out.splitlines()[3].split()[-1] == "cache/quick/lab-one.csv"
        assert len(read_results("lab-one", quick=True)) == 2
        assert not (lab / "results").exists()

    def test_a_failing_cell(self, lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (lab / "broken-3").touch()
        assert cli.main(["reproduce", "--jobs", "1"]) == 1
        out, err = capsys.readouterr()
        assert "1 of 5 cells of lab-one failed; the others are finished and kept" in err
        assert '{"x":3}: RuntimeError: broken at 3' in err
        assert err.endswith("fairclust: error: lab-one failed; finished cells are kept\n")
        assert "Traceback" not in err
        assert out.splitlines()[3].split()[-1] == "FAILED"
        assert out.splitlines()[4].split()[0] == "lab-two"  # the next experiment ran
        assert cli.main(["reproduce", "--jobs", "1", "--debug", "--only", "lab-one"]) == 1
        assert "Traceback" in capsys.readouterr().err

    def test_one_cell(self, lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(["reproduce", "--only", "lab-one", "--cell", '{"x": 3}']) == 0
        assert capsys.readouterr().out.split() == ["x", "third", "3", "1.0"]
        (lab / "broken-3").touch()
        assert cli.main(["reproduce", "--only", "lab-one", "--cell", '{"x": 3}']) == 2
        assert capsys.readouterr().err == "fairclust: error: broken at 3\n"
        assert cli.main(["reproduce", "--cell", '{"x": 3}']) == 2
        assert "--cell needs exactly one experiment" in capsys.readouterr().err
        assert cli.main(["reproduce", "--only", "lab-one", "--cell", "{x"]) == 2
        assert "--cell must be a JSON object" in capsys.readouterr().err
        assert cli.main(["reproduce", "--only", "lab-one", "--cell", "3"]) == 2
        assert "must be a dict of parameter names and values" in capsys.readouterr().err


class TestScorecard:
    def test_json_lists_every_claim(self, capsys: pytest.CaptureFixture[str]) -> None:
        judged = scorecard()
        assert cli.main(["scorecard", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert [entry["id"] for entry in found] == [claim.id for claim in judged]
        for entry in found:
            assert {"id", "paper", "source", "verdict", "reason"} <= set(entry)
            assert entry["verdict"] in ("reproduced", "partly", "not reproduced", "not run")

    def test_table_of_one_paper(self, capsys: pytest.CaptureFixture[str]) -> None:
        judged = scorecard("radii")
        assert cli.main(["scorecard", "--paper", "radii"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == len(judged) + 4
        assert lines[2].split()[0] == judged[0].id
        assert lines[-1].startswith(f"{len(judged)} claims: ")


@pytest.fixture
def people(tmp_path: Path) -> Path:
    bank = load_bank()
    path = tmp_path / "people.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", *bank.X.columns, "marital"])
        for i, (row, group) in enumerate(zip(bank.X.to_numpy()[:300], bank.groups["marital"], strict=False)):
            writer.writerow([f"Mx. {i}, Esq.", *row, group])
    return path


class TestFit:
    def test_kmeans(self, people: Path, capsys: pytest.CaptureFixture[str]) -> None:
        out = people.with_name("out.csv")
        arguments = ["fit", str(people), "--method", "kmeans", "--groups", "marital", "--k", "3", "-o", str(out)]
        assert cli.main([*arguments, "--columns", "age, balance,duration", "--random-state", "5"]) == 0
        with people.open(newline="") as one, out.open(newline="") as two:
            before, after = list(csv.reader(one)), list(csv.reader(two))
        assert [row[:-1] for row in after] == before
        assert after[0][-1] == "cluster"
        X = np.array([[float(v) for v in row[1:4]] for row in before[1:]])
        expected = kmeans(X, 3, random_state=5)
        assert [int(row[-1]) for row in after[1:]] == expected.labels.tolist()
        groups = [row[4] for row in before[1:]]
        shown = capsys.readouterr().out
        assert shown == f"{FairnessReport(X, expected.labels, expected.centers, groups)}\n\n300 rows written to {out}\n"

    def test_data_point_centers_standardised(self, people: Path, capsys: pytest.CaptureFixture[str]) -> None:
        out = people.with_name("out.csv")
        arguments = ["fit", str(people), "--method", "jungkannanlutz", "--k", "4", "-o", str(out)]
        assert cli.main([*arguments, "--columns", "age,duration", "--standardize"]) == 0
        X = load_bank().X[["age", "duration"]].to_numpy(dtype=float)[:300]
        X = (X - X.mean(axis=0)) / X.std(axis=0)
        with out.open(newline="") as file:
            labels = [int(row["cluster"]) for row in csv.DictReader(file)]
        model = JungKannanLutz(n_clusters=4).fit(X)
        assert labels == model.labels_.tolist()
        # Who is promised a radius is told about radii.
        shown = capsys.readouterr().out
        assert f"{model.report_}" in shown
        assert "max violation" in shown

    def test_a_constant_column_is_no_division_by_zero(self, tmp_path: Path) -> None:
        path = tmp_path / "x.csv"
        path.write_text("a,b\n" + "".join(f"{i},0.1\n" for i in range(10)))
        arguments = ["fit", str(path), "--method", "kmeans", "--k", "2", "-o", str(tmp_path / "o.csv"), "--standardize"]
        assert cli.main(arguments) == 0
        with (tmp_path / "o.csv").open() as file:
            labels = [row["cluster"] for row in csv.DictReader(file)]
        assert len(set(labels[:5])) == len(set(labels[5:])) == 1

    def test_files_are_not_overwritten(self, people: Path, capsys: pytest.CaptureFixture[str]) -> None:
        arguments = ["fit", str(people), "--method", "kmeans", "--k", "2", "--columns", "age", "-o"]
        before = people.read_bytes()
        assert cli.main([*arguments, str(people), "--force"]) == 2
        assert "is the input; give another name" in capsys.readouterr().err
        assert people.read_bytes() == before
        out = people.with_name("out.csv")
        out.write_text("precious")
        assert cli.main([*arguments, str(out)]) == 2
        assert "exists; --force overwrites it" in capsys.readouterr().err
        assert out.read_text() == "precious"
        assert cli.main([*arguments, str(out), "--force"]) == 0
        assert out.read_text().startswith("name,age,")
        assert sorted(p.name for p in people.parent.iterdir()) == ["out.csv", "people.csv"]

    @pytest.mark.parametrize(
        ("more", "message"),
        [
            ([], r"text where numbers are needed, in name ('Mx. 0, Esq.' in line 2)"),
            (["--columns", "age,nope"], "has no column 'nope'; it has name, age, balance, duration, marital"),
            (["--columns", "age", "--groups", "sex"], "has no column 'sex'"),
            (["--columns", "age", "--k", "301"], "--k must be between 1 and the number of rows, 300; got 301"),
            (["--columns", "age", "--k", "0"], "--k must be between 1"),
            (["--columns", "age", "-o", "nowhere/out.csv"], "there is no folder nowhere for the output"),
            (["--sep", ";"], "line 2"),
        ],
    )
    def test_input_that_cannot_be_used(
        self, people: Path, more: list[str], message: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = people.with_name("out.csv")
        base = ["fit", str(people), "--method", "kmeans", "--groups", "marital", "--k", "2", "-o", str(out)]
        assert cli.main([*base, *more]) == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert message in err
        assert not out.exists()

    def test_other_wrong_input(self, people: Path, capsys: pytest.CaptureFixture[str]) -> None:
        rest = ["--method", "kmeans", "--k", "2", "-o", str(people.with_name("out.csv"))]
        assert cli.main(["fit", str(people.with_name("no.csv")), *rest]) == 2
        assert "no.csv is not a file" in capsys.readouterr().err
        people.write_text("age,cluster\n1,2\n3,4\n")
        assert cli.main(["fit", str(people), *rest]) == 2
        assert "already has a column called cluster; rename it" in capsys.readouterr().err

"""Runs that are killed, interrupted or lose a worker, for real: each starts ``fairclust reproduce`` as a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from fairclust.experiments import run
from fairclust.experiments.digest import SourceChanged

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

N_CELLS = 12

SOURCE = f"""
import os, signal, time
from pathlib import Path
from fairclust.experiments.runner import experiment

def note(text):
    # One write, so that lines of several processes do not mix.
    handle = os.open(os.environ["LAB_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{{text}}\\n".encode())
    os.close(handle)

@experiment("killed", paper="welfare", title="T", grid=lambda quick: [{{"x": x}} for x in range({N_CELLS})])
def killed(*, x):
    note(f"start {{x}} {{os.getpid()}}")
    gate = Path(os.environ["LAB_LOG"]).parent / "slow"
    if gate.exists():
        time.sleep(0.3)
    if (gate.parent / f"dies-{{x}}").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    return [{{"y": x / 7, "i": i}} for i in range(x % 3 + 1)]
"""

MAIN = """
import sys
from fairclust.cli import main
from fairclust.experiments import registry
registry.PLACES = ("lab_killed",)
if __name__ == "__main__":
    sys.exit(main(["reproduce", *sys.argv[1:]]))
"""


class Lab:
    """A folder with an experiment, its results, and a log of the cells that were started."""

    def __init__(self, folder: Path, lab: ModuleType) -> None:
        self.folder = folder
        self.experiment = lab.killed
        (folder / "modules" / "main.py").write_text(MAIN)
        (folder / "slow").touch()

    def start(self, jobs: int) -> subprocess.Popen[str]:
        path = os.pathsep.join([str(self.folder / "modules"), os.environ.get("PYTHONPATH", "")])
        return subprocess.Popen(
            [sys.executable, str(self.folder / "modules" / "main.py"), "--jobs", str(jobs)],
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def finished(self) -> set[str]:
        return {p.name for p in (self.folder / "cache" / "cells" / "killed").glob("[!.]*.json")}

    def started(self) -> list[list[str]]:
        log = self.folder / "log"
        return [line.split() for line in log.read_text().splitlines()] if log.exists() else []

    def wait_for_cells(self, number: int, process: subprocess.Popen[str]) -> None:
        while len(self.finished()) < number:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)

    def go_on(self) -> int:
        """Run what is left in this process, which must be all that was not finished, and no more."""
        (self.folder / "slow").unlink()
        left = N_CELLS - len(self.finished())
        before = len(self.started())
        done = run(self.experiment, n_jobs=1)
        assert done.computed == len(self.started()) - before == left
        return left

    def uninterrupted(self) -> bytes:
        """The table of a run that nothing happens to."""
        (self.folder / "cache").rename(self.folder / "first cache")
        (self.folder / "results").rename(self.folder / "first results")
        assert run(self.experiment, n_jobs=1).computed == N_CELLS
        return (self.folder / "results" / "killed.csv").read_bytes()


@pytest.fixture
def lab(folders: Path, module: Callable[[str, str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv("LAB_LOG", str(folders / "log"))
    return Lab(folders, module("lab_killed", SOURCE))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A process that has ended and that nobody has waited for is still in the table.
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


def test_sigkill_loses_at_most_the_cells_in_hand(lab: Lab) -> None:
    process = lab.start(jobs=2)
    lab.wait_for_cells(4, process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    workers = {int(pid) for _, _, pid in lab.started()}
    assert len(workers) == 2
    while any(alive(pid) for pid in workers):  # they notice that their parent is gone
        time.sleep(0.02)
    finished, started = len(lab.finished()), len(lab.started())
    assert 4 <= finished < N_CELLS
    assert started - finished <= 2
    assert not (lab.folder / "results").exists()
    assert lab.go_on() == N_CELLS - finished
    assert (lab.folder / "results" / "killed.csv").read_bytes() == lab.uninterrupted()


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_ends_at_once_with_a_clean_message(lab: Lab, jobs: int) -> None:
    process = lab.start(jobs)
    lab.wait_for_cells(3, process)
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to all processes of the command
    out, err = process.communicate()
    assert process.returncode == 130
    assert err.strip() == "fairclust: interrupted; finished cells are kept: the same command goes on from here"
    assert out.startswith("1 experiment, 12 cells; 1 never run before\n")
    assert not any(alive(int(pid)) for _, _, pid in lab.started())
    finished = len(lab.finished())
    assert 3 <= finished < N_CELLS
    assert len(lab.started()) - finished <= jobs
    assert lab.go_on() == N_CELLS - finished
    assert (lab.folder / "results" / "killed.csv").read_bytes() == lab.uninterrupted()


def test_a_worker_that_dies_is_an_error_that_keeps_the_rest(lab: Lab) -> None:
    (lab.folder / "slow").unlink()
    (lab.folder / "dies-9").touch()
    process = lab.start(jobs=2)
    _, err = process.communicate()
    assert process.returncode == 1
    assert "a worker process of killed died (killed, or out of memory); finished cells are kept" in err
    finished = len(lab.finished())
    assert finished >= 1
    (lab.folder / "dies-9").unlink()
    (lab.folder / "slow").touch()
    assert lab.go_on() == N_CELLS - finished


def test_workers_run_the_code_of_the_digest_in_the_environment_of_the_moment(
    lab: Lab, module: Callable[[str, str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    (lab.folder / "slow").unlink()
    run(lab.experiment, n_jobs=2)
    assert len(lab.started()) == N_CELLS
    path = lab.folder / "modules" / "lab_killed.py"
    path.write_text(path.read_text().replace("x / 7", "x / 8"))
    # joblib would keep the workers, and with them the environment in which they were started. This process has the
    # old code; new workers will import the new one.
    monkeypatch.setenv("FAIRCLUST_CACHE", str(lab.folder / "another cache"))
    with pytest.raises(SourceChanged, match="the code of killed was changed while it was running"):
        run(lab.experiment, n_jobs=2)
    assert not list((lab.folder / "another cache").rglob("*.json"))
    anew = module("lab_killed", path.read_text())
    assert run(anew.killed, n_jobs=1).frame["y"].tolist()[-1] == 11 / 8


def test_a_file_edited_after_its_import_is_noticed(lab: Lab) -> None:
    path = lab.folder / "modules" / "lab_killed.py"
    path.write_text(path.read_text().replace("x / 7", "x / 8"))
    os.utime(path, (time.time() + 5,) * 2)
    with pytest.raises(
        SourceChanged, match=r"lab_killed \(lab_killed\.py\) was changed after this process had started"
    ):
        run(lab.experiment, n_jobs=1)

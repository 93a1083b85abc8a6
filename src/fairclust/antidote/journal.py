"""A file that remembers the evaluations of a search, so that a killed search loses next to nothing.

The optimisers cannot be stopped and revived in the middle (zoopt keeps its state to itself), but they are
deterministic: run again from the beginning, they ask the same questions. So the journal keeps the answers, one line
each, and a second run replays them in a moment before it asks anything new. Its result is the same as if nothing had
happened, bytes and all.
"""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

__all__ = ["Journal"]

#: Seconds between two writes to the disk.
FLUSH = 1.0


class Journal:
    """Answers by the order of the questions, with a digest of each question.

    Parameters
    ----------
    path : path or None
        Where the journal is, or will be. None keeps none.
    problem : str
        A digest of what is being solved.

    Attributes
    ----------
    n_replayed : int
        Answers that came from the file.

    Raises
    ------
    ValueError
        If the file is the journal of another problem or search, or no journal. A last line that was cut off when the
        process was killed is no error; it is written anew.
    """

    def __init__(self, path: Any, problem: str) -> None:
        self._path = None if path is None else Path(path)
        self._known: list[tuple[str, float, float]] = []
        self._file: TextIO | None = None
        self._asked = self.n_replayed = 0
        self._began = self._flushed = time.perf_counter()
        if self._path is not None:
            self._open(self._path, problem)

    def _open(self, path: Path, problem: str) -> None:
        header = json.dumps({"fairclust": "antidote search", "problem": problem})
        lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else [""]
        # Only what ends in a line break was written completely.
        whole = lines[:-1]
        if whole:
            if whole[0] != header:
                what = "of another problem" if '"antidote search"' in whole[0] else "no journal of an antidote search"
                raise ValueError(f"{path} is {what}; delete it or name another file")
            for number, line in enumerate(whole[1:], start=2):
                try:
                    question, value, seconds = line.split()
                    self._known.append((question, float.fromhex(value), float(seconds)))
                except ValueError:
                    raise ValueError(f"{path}, line {number}, cannot be read: {line!r}; delete the file") from None
        if self._known:
            self._began -= self._known[-1][2]
        with path.open("w" if not whole else "r+", encoding="utf-8", newline="\n") as file:
            if not whole:
                file.write(header + "\n")
            else:
                file.truncate(sum(len(line.encode()) + 1 for line in whole))
        self._file = path.open("a", encoding="utf-8", newline="\n")

    def recall(self, V: NDArray[np.float64]) -> tuple[float, float] | None:
        """The answer to the next question and the seconds after which it was known, if they are in the file."""
        if self._asked >= len(self._known):
            return None
        question, value, seconds = self._known[self._asked]
        if question != _digest(V):
            raise ValueError(
                f"{self._path} is of another search: it differs from this one at evaluation {self._asked + 1}. Only "
                "with the same parameters and versions can a search be resumed; delete the file or name another one"
            )
        self._asked += 1
        self.n_replayed += 1
        return value, seconds

    def note(self, V: NDArray[np.float64], value: float) -> float:
        """Keep the answer to the question; returns the seconds since the search began, those before a kill included."""
        now = time.perf_counter()
        seconds = now - self._began
        self._asked += 1
        if self._file is not None:
            self._file.write(f"{_digest(V)} {value.hex()} {seconds:.6f}\n")
            if now - self._flushed > FLUSH:
                self._file.flush()
                self._flushed = now
        return seconds

    def close(self) -> None:
        """Write what is left; the journal can be read but not written after."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _digest(V: NDArray[np.float64]) -> str:
    return hashlib.blake2b(V.tobytes(), digest_size=8).hexdigest()

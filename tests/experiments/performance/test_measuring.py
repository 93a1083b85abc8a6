"""The best of some timings, a process of its own and its peak of memory."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import pytest

from fairclust.experiments.performance import measuring, radii, welfare


def counting(seconds: float = 0.0) -> tuple[list[int], Callable[[], int]]:
    """A function that uses so many processor seconds and returns how often it was called."""
    calls: list[int] = []

    def solve() -> int:
        calls.append(len(calls) + 1)
        start = time.process_time()
        while time.process_time() - start < seconds:
            pass
        return calls[-1]

    return calls, solve


class TestBestOf:
    def test_what_is_short_is_taken_again(self) -> None:
        calls, solve = counting()
        seconds, result = measuring.best_of(solve)
        assert len(calls) == measuring.REPEATS
        assert result == measuring.REPEATS
        assert 0 <= seconds < measuring.SHORT

    def test_what_is_long_is_taken_once(self) -> None:
        calls, solve = counting(0.02)
        seconds, result = measuring.best_of(solve, short=0.01)
        assert calls == [1]
        assert result == 1
        assert seconds >= 0.02

    def test_the_shortest_counts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = iter([0.0, 5.0, 10.0, 12.0, 20.0, 24.0])
        monkeypatch.setattr(measuring.time, "process_time", lambda: next(clock))
        assert measuring.best_of(lambda: "found", repeats=3) == (2.0, "found")

    def test_a_long_timing_ends_it_even_if_an_earlier_one_was_shorter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = iter([0.0, 5.0, 10.0, 50.0])
        monkeypatch.setattr(measuring.time, "process_time", lambda: next(clock))
        assert measuring.best_of(lambda: "found", repeats=3) == (5.0, "found")

    def test_at_least_one_timing(self) -> None:
        with pytest.raises(ValueError, match="repeats must be at least 1; got 0"):
            measuring.best_of(lambda: 0, repeats=0)

    def test_an_error_is_not_hidden(self) -> None:
        with pytest.raises(ZeroDivisionError):
            measuring.best_of(lambda: 1 / 0)


class TestInAFreshProcess:
    def test_it_returns_what_is_printed(self) -> None:
        found = measuring.in_a_fresh_process(welfare.print_memory, 300, 4, 2, 0)
        assert set(found) == {"bytes"}
        assert found["bytes"] >= 0

    def test_a_failing_process_says_why(self) -> None:
        with pytest.raises(RuntimeError, match=r"(?s)the process that measures memory failed:.*n_clusters"):
            measuring.in_a_fresh_process(radii.print_points, "filter", 100, 0, 0)


class TestPeakBytes:
    def test_it_never_goes_down(self) -> None:
        before = measuring.peak_bytes()
        block = bytearray(before)  # as much again, so that the peak must rise
        risen = measuring.peak_bytes()
        assert risen > before
        del block
        # Linux counts pages in batches: the same peak may read a little less the next time.
        assert measuring.peak_bytes() > (before + risen) / 2

    def test_peak_memory_without_proc(self, monkeypatch: pytest.MonkeyPatch) -> None:
        if sys.platform == "win32":
            return
        monkeypatch.setattr(measuring.Path, "exists", lambda self: False)
        assert measuring.peak_bytes() > 2**20

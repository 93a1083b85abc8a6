"""What the timing experiments measure with: the best of some timings, a process of its own, and its peak of memory.

Times are the processor seconds of this process, all threads together: on an idle machine that is what a clock shows for
work on one thread; on a busy one a clock would also count the waiting, and most for what takes longest.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["REPEATS", "SHORT", "best_of", "in_a_fresh_process", "peak_bytes"]

Result = TypeVar("Result")

#: A timing below this many seconds is taken again, at most REPEATS times in all; the best counts.
SHORT, REPEATS = 30.0, 3


def best_of(solve: Callable[[], Result], *, repeats: int = REPEATS, short: float = SHORT) -> tuple[float, Result]:
    """The shortest of some timings, since noise only ever adds time.

    Parameters
    ----------
    solve : callable
        What is timed. It takes no argument and finds the same each time.
    repeats : int, default REPEATS
        Timings at the most, at least 1.
    short : float, default SHORT
        Seconds. A timing that takes longer is the last one: noise is a small part of it.

    Returns
    -------
    seconds : float
        Processor seconds of the shortest timing.
    result : object
        What `solve` returned, the last time.

    Raises
    ------
    ValueError
        If `repeats` is not at least 1.

    Examples
    --------
    >>> from fairclust.experiments.performance.measuring import best_of
    >>> seconds, result = best_of(lambda: sum(range(1000)))
    >>> result, seconds >= 0
    (499500, True)
    """
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1; got {repeats!r}")
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        result = solve()
        seconds = time.process_time() - start
        best = min(best, seconds)
        if seconds > short:
            break
    return best, result


def in_a_fresh_process(function: Callable[..., None], *arguments: Any) -> dict[str, Any]:
    """What a function prints in a process of its own: a peak of memory never goes down again.

    Parameters
    ----------
    function : callable
        Defined at the top of a module that can be imported; it prints one object as JSON, and nothing else.
    *arguments : object
        Given to `function`. Only what is written as it reads: numbers, strings, and tuples of them.

    Returns
    -------
    dict
        The object that was printed.

    Raises
    ------
    RuntimeError
        If the process fails; the message ends with what it wrote to stderr.
    """
    code = f"from {function.__module__} import {function.__name__} as run; run(*{arguments!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"the process that measures memory failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def peak_bytes() -> int:
    """The most memory that this process has held so far, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage: on Linux its maximum also covers what the process was before it was this program.
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return 1024 * int(line.split()[1])
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak

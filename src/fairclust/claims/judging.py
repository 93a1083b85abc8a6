"""From claims to verdicts: read the results a claim names, apply its criterion, say what was compared."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fairclust.claims.criteria import Verdict
from fairclust.claims.ledger import PAPERS, Claim, load_ledger
from fairclust.claims.tables import CriterionError, may_select
from fairclust.experiments.results import read_provenance, read_results

__all__ = ["Judged", "judge", "scorecard"]

#: From an experiment's name to its table; raises FileNotFoundError where it has not been run.
Reader = Callable[[str], pd.DataFrame]
#: From an experiment's name to where its table came from; raises FileNotFoundError likewise.
Origin = Callable[[str], Mapping[str, Any]]


@dataclass(frozen=True)
class Judged:
    """A claim with its verdict.

    Attributes
    ----------
    id, paper, source, statement : str
        As in the ledger.
    verdict : Verdict
        reproduced, partly, not reproduced or not run.
    reason : str
        What was compared with what; or why nothing was.
    paper_value, our_value : float or None
        The paper's number and ours, where there are any.
    command : str or None
        What makes the results anew; None while no experiment exists.
    seconds : float or None
        Computing time of that experiment, all its cells added up; None if it has not been run.
    kind : {"paper", "finding"}
    """

    id: str
    paper: str
    source: str
    statement: str
    verdict: Verdict
    reason: str
    paper_value: float | None = None
    our_value: float | None = None
    command: str | None = None
    seconds: float | None = None
    kind: str = "paper"

    def as_dict(self) -> dict[str, Any]:
        """Plain values that strict JSON holds: the verdict as its word, an infinite value as None."""
        values = dataclasses.asdict(self)
        values["verdict"] = str(self.verdict)
        for name in ("paper_value", "our_value", "seconds"):
            if values[name] is not None and not np.isfinite(values[name]):
                values[name] = None
        return values


def judge(claim: Claim, *, read: Reader = read_results, origin: Origin = read_provenance) -> Judged:
    """Judge one claim by its criterion on its results.

    Parameters
    ----------
    claim : Claim
    read : callable, default=fairclust.experiments.results.read_results
        From an experiment's name to its table.
    origin : callable, default=fairclust.experiments.results.read_provenance
        From an experiment's name to its provenance: ``seconds`` (a number, or a mapping with ``cells``), ``command``,
        and ``not_run`` (the cells that were left out, each with ``params`` and ``reason``).

    Returns
    -------
    Judged
        "not run" if the claim has no criterion, if its results do not exist, or if cells that the criterion needs
        were left out because their data were not available.

    Raises
    ------
    CriterionError
        If the criterion does not fit its results; the message names both.

    Examples
    --------
    >>> from fairclust.claims.criteria import Value
    >>> claim = Claim(
    ...     "antidote.x", "antidote", "paper", "Table 1", "The cost is 19.74.", 19.74,
    ...     Value(results="antidote-vanilla", column="cost", tolerance=0.01),
    ... )
    >>> rows = pd.DataFrame({"cost": [19.739, 19.741]})
    >>> judged = judge(claim, read=lambda name: rows, origin=lambda name: {"seconds": 3.0})
    >>> print(judged.verdict)
    reproduced
    >>> judged.reason
    "ours 19.74 (median of 2 rows, range 19.739..19.741) against the paper's 19.74: off by 0, within 0.01."
    >>> judged.command
    'fairclust reproduce antidote --only antidote-vanilla'
    """
    made = functools.partial(
        Judged,
        id=claim.id,
        paper=claim.paper,
        source=claim.source,
        statement=claim.statement,
        paper_value=claim.paper_value,
        kind=claim.kind,
    )
    if claim.criterion is None:
        return made(verdict=Verdict.NOT_RUN, reason=_reason(claim.not_run or "", claim.note))
    name = claim.criterion.results
    # Timings are experiments of their own, whichever paper's claim they judge.
    paper = "performance" if name.startswith("performance-") else claim.paper
    command = f"fairclust reproduce {paper} --only {name}"
    try:
        table, provenance = read(name), origin(name)
    except FileNotFoundError:
        if claim.not_run:
            return made(verdict=Verdict.NOT_RUN, reason=_reason(claim.not_run, claim.note))
        why = f"There are no results of {name} here; the command makes them."
        return made(verdict=Verdict.NOT_RUN, reason=_reason(why, claim.note), command=command)
    command, seconds = str(provenance.get("command", command)), _seconds(provenance)
    left_out = _left_out(claim, provenance)
    if left_out:
        return made(verdict=Verdict.NOT_RUN, reason=_reason(left_out, claim.note), command=command, seconds=seconds)
    try:
        outcome = claim.criterion.judge(table, claim.paper_value)
    except CriterionError as error:
        raise CriterionError(f"criterion of claim {claim.id} on results {name}: {error}") from error
    return made(
        verdict=outcome.verdict,
        reason=_reason(outcome.reason, claim.note),
        our_value=outcome.our_value,
        command=command,
        seconds=seconds,
    )


def scorecard(
    paper: str | None = None,
    *,
    claims: Iterable[Claim] | None = None,
    read: Reader = read_results,
    origin: Origin = read_provenance,
) -> list[Judged]:
    """Judge every claim of the ledger, or those of one paper.

    Parameters
    ----------
    paper : {"antidote", "welfare", "radii"}, optional
    claims : iterable of Claim, optional
        Instead of the package's ledger.
    read, origin : callable
        As for :func:`judge`; each experiment is read once.

    Returns
    -------
    list of Judged
        In the order of the ledger.

    Raises
    ------
    ValueError
        If there is no such paper.
    CriterionError
        If a criterion does not fit its results.

    Examples
    --------
    >>> sorted({judged.paper for judged in scorecard()})
    ['antidote', 'radii', 'welfare']
    """
    if paper is not None and paper not in PAPERS:
        raise ValueError(f"no paper is called {paper!r}; there are {', '.join(PAPERS)}")
    read, origin = functools.cache(read), functools.cache(origin)
    chosen = load_ledger() if claims is None else claims
    return [judge(claim, read=read, origin=origin) for claim in chosen if paper in (None, claim.paper)]


def _reason(why: str, note: str | None) -> str:
    sentence = why if why.endswith(".") else f"{why}."
    return f"{sentence} {note}" if note else sentence


def _seconds(provenance: Mapping[str, Any]) -> float | None:
    seconds = provenance.get("seconds")
    # The time of all cells, not the wall time of the last run: that one may have found most cells finished.
    value = seconds.get("cells") if isinstance(seconds, Mapping) else seconds
    return None if value is None else float(value)


def _left_out(claim: Claim, provenance: Mapping[str, Any]) -> str | None:
    """Why cells that the criterion needs are missing from the results, or None if none is."""
    assert claim.criterion is not None
    reasons = [
        cell["reason"]
        for cell in provenance.get("not_run", [])
        if any(may_select(cell["params"], where) for where in claim.criterion.selections())
    ]
    if not reasons:
        return None
    return f"{len(reasons)} cells of {claim.criterion.results} that this needs were left out: {reasons[0]}"

"""The scorecard as a table: a DataFrame to compute with, and HTML for the book."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

import pandas as pd

from fairclust.claims.criteria import Verdict
from fairclust.claims.judging import Judged, scorecard
from fairclust.claims.ledger import PAPERS
from fairclust.claims.tables import number

__all__ = ["scorecard_frame", "scorecard_html", "scorecard_summary"]

#: Badge colors, white text on each: at least 4.5 to 1, in light pages and dark ones. The word is always there too.
COLORS = {
    Verdict.REPRODUCED: "#1b6e3c",
    Verdict.PARTLY: "#8a5a00",
    Verdict.NOT_REPRODUCED: "#b3261e",
    Verdict.NOT_RUN: "#595f66",
}

_CLASSES = {verdict: f"fc-{verdict.replace(' ', '-')}" for verdict in Verdict}

_STYLE = "\n".join(
    [
        ".fc-scroll { overflow-x: auto; }",
        ".fc-scorecard { border-collapse: collapse; font-size: 0.85em; table-layout: fixed; width: 100%; }",
        ".fc-scorecard thead th:nth-child(1) { width: 27%; }",
        ".fc-scorecard thead th:nth-child(2) { width: 18%; }",
        ".fc-scorecard thead th:is(:nth-child(3), :nth-child(4)) { width: 12%; }",
        ".fc-scorecard caption { caption-side: top; text-align: left; font-weight: bold; }",
        ".fc-scorecard th, .fc-scorecard td { padding: 0.3em 0.5em; text-align: left; vertical-align: top; }",
        ".fc-scorecard tbody th { font-weight: normal; overflow-wrap: anywhere; }",
        ".fc-scorecard td.fc-number { font-size: 0.9em; text-align: right; white-space: nowrap; }",
        ".fc-scorecard td.fc-reason { overflow-wrap: anywhere; }",
        ".fc-scorecard code { font-size: 0.9em; overflow-wrap: anywhere; }",
        ".fc-badge { color: #fff; border-radius: 0.3em; font-size: 0.9em; padding: 0.1em 0.4em; white-space: nowrap; }",
        f"tr.fc-not-reproduced {{ box-shadow: inset 0.3em 0 0 {COLORS[Verdict.NOT_REPRODUCED]}; }}",
        *(f".fc-badge.{_CLASSES[verdict]} {{ background: {color}; }}" for verdict, color in COLORS.items()),
    ]
)


def scorecard_frame(judged: Iterable[Judged] | None = None) -> pd.DataFrame:
    """The scorecard with one row per claim.

    Parameters
    ----------
    judged : iterable of Judged, optional
        Instead of the whole ledger's, judged on the stored results.

    Returns
    -------
    DataFrame
        Columns ``paper, source, statement, verdict, reason, paper_value, our_value, command, seconds, kind``, indexed
        by ``id``; the verdict is text.

    Examples
    --------
    >>> row = Judged("radii.x", "radii", "Figure 5", "It is.", Verdict.NOT_RUN, "Nothing yet.")
    >>> scorecard_frame([row])["verdict"].tolist()
    ['not run']
    """
    rows = [one.as_dict() | {"our_value": one.our_value} for one in (scorecard() if judged is None else judged)]
    columns = ["id", "paper", "source", "statement", "verdict", "reason", "paper_value", "our_value"]
    table = pd.DataFrame(rows, columns=[*columns, "command", "seconds", "kind"])
    return table.astype(dict.fromkeys(("paper_value", "our_value", "seconds"), "float64")).set_index("id")


def scorecard_summary(judged: Iterable[Judged] | None = None) -> pd.DataFrame:
    """How many claims of each paper have which verdict.

    Returns
    -------
    DataFrame of int
        A row per paper and one called "all", a column per verdict and one called "claims".

    Examples
    --------
    >>> row = Judged("radii.x", "radii", "Figure 5", "It is.", Verdict.PARTLY, "Half of it.")
    >>> scorecard_summary([row]).loc["radii", ["partly", "claims"]].tolist()
    [1, 1]
    """
    rows = list(scorecard() if judged is None else judged)
    names = [*PAPERS, "all"]
    counts = {
        verdict.value: [sum(one.verdict is verdict and paper in (one.paper, "all") for one in rows) for paper in names]
        for verdict in Verdict
    }
    table = pd.DataFrame(counts, index=pd.Index(names, name="paper"))
    return table.assign(claims=table.sum(axis=1))


def scorecard_html(judged: Iterable[Judged] | None = None) -> str:
    """The scorecard as HTML: one table per paper, its caption a count, verdicts by word and by color.

    Every claim stays, whatever its verdict. Each row has its claim's id as anchor (``#claim-<id>``), its first cell is
    the row's header, and a table too wide for the page scrolls in a region of its own that the keyboard reaches.

    Parameters
    ----------
    judged : iterable of Judged, optional
        Instead of the whole ledger's, judged on the stored results.

    Returns
    -------
    str

    Examples
    --------
    >>> row = Judged("radii.x", "radii", "Figure 5", "1 < 2.", Verdict.NOT_REPRODUCED, "No.")
    >>> "1 &lt; 2." in scorecard_html([row])
    True
    """
    rows = list(scorecard() if judged is None else judged)
    parts = [f"<style>\n{_STYLE}\n</style>"]
    for paper in PAPERS:
        own = [one for one in rows if one.paper == paper]
        if own:
            parts.append(_table(paper, own))
    return "\n".join(parts)


def _table(paper: str, rows: list[Judged]) -> str:
    counts = ", ".join(
        f"{sum(one.verdict is verdict for one in rows)} {verdict}"
        for verdict in Verdict
        if any(one.verdict is verdict for one in rows)
    )
    head = ("Claim", "Verdict", "Paper", "Ours", "What was compared, and how to run it")
    lines = [
        f'<div class="fc-scroll" role="region" aria-label="Claims of the {paper} paper" tabindex="0">',
        '<table class="fc-scorecard">',
        f"<caption>{paper}: {len(rows)} claims, {counts}</caption>",
        "<thead><tr>" + "".join(f'<th scope="col">{title}</th>' for title in head) + "</tr></thead>",
        "<tbody>",
        *(_row(one) for one in rows),
        "</tbody>",
        "</table>",
        "</div>",
    ]
    return "\n".join(lines)


def _row(one: Judged) -> str:
    style = _CLASSES[one.verdict]
    finding = " (our question)" if one.kind == "finding" else ""
    command = f"<br><code>{escape(one.command)}</code>" if one.command else ""
    seconds = "" if one.seconds is None else f" {_duration(one.seconds)}"
    return "".join(
        [
            f'<tr id="claim-{escape(one.id)}" class="{style}">',
            f'<th scope="row">{escape(one.statement)}<br><code>{escape(one.id)}</code><br>'
            f"<em>{escape(one.source)}{finding}</em></th>",
            f'<td><span class="fc-badge {style}">{one.verdict}</span></td>',
            f'<td class="fc-number">{_cell(one.paper_value)}</td>',
            f'<td class="fc-number">{_cell(one.our_value)}</td>',
            f'<td class="fc-reason">{escape(one.reason)}{command}{seconds}</td>',
            "</tr>",
        ]
    )


def _cell(value: float | None) -> str:
    return "" if value is None else number(value)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

"""The ledger of claims of the three papers, and what judges it.

>>> from fairclust.claims import load_ledger
>>> {"antidote", "welfare", "radii"} == {claim.paper for claim in load_ledger()}
True
"""

from fairclust.claims.criteria import KINDS, Criterion, Outcome, Verdict
from fairclust.claims.judging import Judged, judge, scorecard
from fairclust.claims.ledger import Claim, LedgerError, load_ledger
from fairclust.claims.rendering import scorecard_frame, scorecard_html, scorecard_summary
from fairclust.claims.tables import CriterionError

__all__ = [
    "KINDS",
    "Claim",
    "Criterion",
    "CriterionError",
    "Judged",
    "LedgerError",
    "Outcome",
    "Verdict",
    "judge",
    "load_ledger",
    "scorecard",
    "scorecard_frame",
    "scorecard_html",
    "scorecard_summary",
]

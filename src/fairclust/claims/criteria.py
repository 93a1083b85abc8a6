"""How a claim is judged: a few named criteria, each a rule from a result table to a verdict with its reason.

A criterion is written in the ledger as a mapping with ``kind`` (one of :data:`KINDS`), ``results`` (the table it reads)
and the fields of its class here. Nothing else decides a verdict. The kinds:

=====================  ===========================================================================================
``value``              a statistic of a column is the paper's number, within a tolerance
``ordering``           one selection is at most (or below) a multiple of another, cell by cell
``closeness``          two selections agree within a share of the second, cell by cell
``bound``              a column stays below or above a bound in every row (or in some row)
``gain_over_spread``   the gain that the paper claims is larger than the spread of a column over repetitions
``growth``             a column grows like a power of a size, with the exponent in a range
``monotone``           a column rises or falls along another
``exact``              columns have exactly the stated numbers
=====================  ===========================================================================================
"""

from __future__ import annotations

from fairclust.claims.against_each_other import Closeness, Ordering
from fairclust.claims.against_numbers import Bound, Exact, GainOverSpread, Value
from fairclust.claims.criterion import STATISTICS, Criterion, Outcome, Verdict
from fairclust.claims.trends import Growth, Monotone

__all__ = [
    "KINDS",
    "STATISTICS",
    "Bound",
    "Closeness",
    "Criterion",
    "Exact",
    "GainOverSpread",
    "Growth",
    "Monotone",
    "Ordering",
    "Outcome",
    "Value",
    "Verdict",
]

#: Every kind of criterion by the name that the ledger uses.
KINDS: dict[str, type[Criterion]] = {
    kind.kind: kind for kind in (Value, Ordering, Closeness, Bound, GainOverSpread, Growth, Monotone, Exact)
}

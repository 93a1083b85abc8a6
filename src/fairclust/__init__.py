r"""Fair clustering: three papers, the algorithms around them, and one vocabulary for judging all of them.

The papers are *Fair clustering using antidote data* (Chhabra, Singla and Mohapatra, 2022), *Welfare-centric clustering*
(Zhang et al., 2025) and *Better algorithms for individually fair k-clustering* (Chakrabarty and Negahbani, 2021).

=====================  ===============================================================================================
``metrics``            what fair means, in numbers; judges clusterings from anywhere. :class:`~metrics.FairnessReport`
                       gives all notions at once: start here
``antidote``           the first paper: add a few points so that ordinary clustering comes out fair
``welfare``            the second: the worst-off group first (Rawlsian), or all groups together (utilitarian)
``radii``              the third: a center within every point's fair radius
``baselines``          what the three compare with
``solvers``            the engines below: k-means, socially fair centers, assignment and facility programs
=====================  ===============================================================================================

Each is imported when it is first used. Every clusterer is a scikit-learn estimator whose ``fit`` takes
``sensitive_features``, one label per row. What stands above the library is imported by its name:
``fairclust.datasets``, ``fairclust.experiments``, ``fairclust.claims`` and ``fairclust.figures``.

Examples
--------
>>> import fairclust as fc
>>> X, groups = [[0.0], [2.0], [9.0], [11.0]], ["a", "a", "a", "b"]
>>> model = fc.baselines.FairLloyd(n_clusters=2, random_state=0).fit(X, sensitive_features=groups)
>>> round(fc.metrics.FairnessReport(X, model.labels_, model.cluster_centers_, groups).social_cost, 6)
1.0
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fairclust import antidote, baselines, metrics, radii, solvers, welfare

__all__ = ["__version__", "antidote", "baselines", "metrics", "radii", "solvers", "welfare"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Lazily: `fairclust --help` and `import fairclust` need not wait a second for numba and scikit-learn.
    if name in __all__:
        return importlib.import_module(f"fairclust.{name}")
    hint = ""
    if not name.startswith("_") and importlib.util.find_spec(f"fairclust.{name}") is not None:
        hint = f"; import it by its name: import fairclust.{name}"
    raise AttributeError(f"module 'fairclust' has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""All drawing of the book. Each function takes data, draws one figure and returns it; none computes a result.

Colors are the Okabe-Ito palette (told apart in every common color blindness); groups also differ by marker, methods by
line style, verdicts by hatching, so that no figure depends on color alone. A method or data set without rows is left
out of a figure; where nothing is left to draw there is a ValueError, not an empty figure.

What several chapters draw is here: points in the plane (``clusterings``), results and verdicts (``results``). What one
chapter draws is in the module of its name: ``antidote`` with a pile of antidote points to push around, ``radii``,
``promise_picker`` (the map of the chapter on fair radii) and ``comparison``. ``style`` is what all figures share, and
``offline`` makes the figures in HTML that readers can work with.
"""

from fairclust.figures.clusterings import fairness_balls, group_scatter, side_by_side
from fairclust.figures.results import (
    disutility_curves,
    method_panels,
    points_below_bounds,
    timing_curves,
    vanilla_spread,
    verdict_bars,
    violation_histograms,
)
from fairclust.figures.style import use_style

__all__ = [
    "disutility_curves",
    "fairness_balls",
    "group_scatter",
    "method_panels",
    "points_below_bounds",
    "side_by_side",
    "timing_curves",
    "use_style",
    "vanilla_spread",
    "verdict_bars",
    "violation_histograms",
]

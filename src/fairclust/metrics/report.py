"""One clustering under every notion: overall, by group, difference and ratio, in fairlearn's vocabulary."""

from __future__ import annotations

from html import escape
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairclust._validation import check_centers, check_labels, check_number, check_points, check_power, check_radii
from fairclust.distances import assigned_costs, nearest_centers, to_power
from fairclust.groups import encode_groups
from fairclust.metrics.balance import group_balance
from fairclust.metrics.by_group import group_means
from fairclust.metrics.disutility import disutility_from_costs, proportional_violation
from fairclust.metrics.radius import fair_radii, max_violation, radius_violation

__all__ = ["FairnessReport"]

#: Columns that describe a group; the others judge how it is treated.
SIZES = ["size", "share"]

#: What the columns are called in print.
TITLES = {
    "size": "size",
    "share": "share",
    "mean_cost": "mean cost",
    "social_cost": "social cost",
    "balance": "balance",
    "proportional_violation": "prop. violation",
    "disutility": "disutility",
    "mean_radius_violation": "mean violation",
    "max_radius_violation": "max violation",
}


class FairnessReport:
    r"""How a clustering treats each group, under every notion of this package.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        Points.
    labels : array of n integers in 0..k-1
        The center that each point is assigned to, nearest or not.
    centers : array of shape (k, d)
        Centers in the units of X; those without a point are empty clusters.
    sensitive_features : None, array, Series or list of n hashable labels, optional
        The group of each row; None puts all rows into one group.
    distance_weight, slack, power
        As in :func:`~fairclust.metrics.disutility`.
    radii : None, "fair" or array of n numbers, optional
        The radius of each point, for the two columns about radii. "fair" computes
        :func:`~fairclust.metrics.fair_radii` for k = the number of centers. By default these columns are left out,
        because fair radii cost O(n^2) time where all the rest is O(nkd).

    Attributes
    ----------
    by_group : DataFrame, one row per group
        ``size`` and ``share``; ``mean_cost``, the mean of d^p to the assigned center; ``social_cost``, the mean of d^p
        to the nearest center; ``balance``, the group's worst min(R, 1/R); ``proportional_violation``, ``V/|C|``;
        ``disutility``; and, with radii, ``mean_radius_violation`` and ``max_radius_violation`` of the nearest center
        (points whose radius and distance are both 0 left out; NaN for a group that has no other).
    overall : Series
        The same for everyone together: costs, violations and disutilities are averages over persons (so
        ``disutility`` is the share-weighted mean of the groups'), ``balance`` is the smallest and
        ``max_radius_violation`` the largest.
    objectives : Series
        The papers' numbers: ``social_cost`` (the maximum over groups), ``balance`` (the minimum), ``rawlsian``
        (maximum disutility), ``utilitarian`` (sum of disutilities), and, with radii, ``max_radius_violation``.
    n_clusters, n_empty_clusters : int
        k, and how many centers have no point.

    Raises
    ------
    ValueError
        If an entry is NaN or infinite, shapes do not fit, a label has no center, or a parameter is out of range.

    Notes
    -----
    O(nkd + kH) time without radii; O(n + kH) memory while it is made, and O(H) kept: the report holds no data, so an
    estimator that carries one stays small.

    Examples
    --------
    >>> X = [[0.0], [2.0], [9.0], [11.0]]
    >>> report = FairnessReport(X, [0, 0, 1, 1], [[0.0], [10.0]], ["a", "a", "a", "b"])
    >>> report
    FairnessReport: 4 rows, 2 groups, 2 clusters (0 empty)
                size  share  mean cost  social cost  balance  prop. violation  disutility
    a              3   0.75      1.667        1.667   0.6667           0.3333           1
    b              1   0.25          1            1        0                1           1
    overall        4      1        1.5          1.5        0              0.5           1
    difference                  0.6667       0.6667   0.6667           0.6667           0
    ratio                          0.6          0.6        0           0.3333           1
    >>> report.by_group["disutility"].to_dict(), report.balance
    ({'a': 1.0, 'b': 1.0}, 0.0)
    >>> round(float(report.difference()["social_cost"]), 4)
    0.6667
    """

    by_group: pd.DataFrame
    overall: pd.Series
    objectives: pd.Series
    n_clusters: int
    n_empty_clusters: int

    def __init__(
        self,
        X: Any,
        labels: Any,
        centers: Any,
        sensitive_features: Any = None,
        *,
        distance_weight: float = 0.5,
        slack: Any = 0.0,
        power: float = 2,
        radii: Any = None,
    ) -> None:
        points = check_points(X)
        places = check_centers(centers, points.shape[1])
        codes = check_labels(labels, len(points), len(places))
        groups = encode_groups(sensitive_features, len(points))
        self.distance_weight = check_number(distance_weight, "distance_weight", low=0.0, high=1.0)
        self.slack = slack
        self.power = check_power(power)
        self.n_clusters = len(places)
        self.n_empty_clusters = self.n_clusters - len(np.unique(codes))

        costs = assigned_costs(points, places, codes, power=power)
        _, squared = nearest_centers(points, places, squared=True)
        table = {
            "size": groups.series(groups.sizes),
            "share": groups.series(groups.shares),
            "mean_cost": groups.series(group_means(costs, groups)),
            "social_cost": groups.series(group_means(to_power(squared, power), groups)),
            "balance": group_balance(codes, groups),
            "proportional_violation": proportional_violation(codes, groups, slack=slack),
            "disutility": disutility_from_costs(costs, codes, groups, distance_weight=distance_weight, slack=slack),
        }
        together = {
            "size": groups.n_samples,
            "share": 1.0,
            "balance": table["balance"].min(),
            **{
                name: np.average(table[name], weights=groups.sizes)
                for name in ("mean_cost", "social_cost", "proportional_violation", "disutility")
            },
        }
        theta = self._violations(points, places, radii)
        if theta is not None:
            members = [theta[groups.codes == h] for h in range(len(groups))]
            for name, summary in (("mean_radius_violation", _mean_known), ("max_radius_violation", _max_known)):
                table[name] = groups.series([summary(part) for part in members])
                together[name] = summary(theta)
        self.by_group = pd.DataFrame(table)
        self.overall = pd.Series({name: together[name] for name in table}, name="overall", dtype=np.float64)
        objectives = {
            "social_cost": table["social_cost"].max(),
            "balance": table["balance"].min(),
            "rawlsian": table["disutility"].max(),
            "utilitarian": table["disutility"].sum(),
        }
        if theta is not None:
            objectives["max_radius_violation"] = max_violation(theta)
        self.objectives = pd.Series(objectives, name="objectives", dtype=np.float64)

    def _violations(self, points: Any, places: Any, radii: Any) -> Any:
        if radii is None:
            return None
        if isinstance(radii, str):
            if radii != "fair":
                raise ValueError(f"radii must be None, 'fair' or one number per row, got {radii!r}")
            if len(places) > len(points):
                raise ValueError(
                    f"there are {len(places)} centers but only {len(points)} rows, so fair radii are not defined; "
                    "give radii of your own"
                )
            radii = fair_radii(points, len(places))
        return radius_violation(points, places, check_radii(radii, len(points)))

    @property
    def balance(self) -> float:
        """The balance of the clustering, in [0, 1]; see :func:`fairclust.metrics.balance`."""
        return float(self.objectives["balance"])

    @property
    def social_cost(self) -> float:
        """The social cost of the centers; see :func:`fairclust.metrics.social_cost`."""
        return float(self.objectives["social_cost"])

    @property
    def rawlsian(self) -> float:
        """The largest disutility; see :func:`fairclust.metrics.rawlsian`."""
        return float(self.objectives["rawlsian"])

    @property
    def utilitarian(self) -> float:
        """The sum of disutilities; see :func:`fairclust.metrics.utilitarian`."""
        return float(self.objectives["utilitarian"])

    def group_max(self) -> pd.Series:
        """The largest value of each column among the groups (sizes and shares left out)."""
        return self._judged().max().rename("group_max")

    def group_min(self) -> pd.Series:
        """The smallest value of each column among the groups (sizes and shares left out)."""
        return self._judged().min().rename("group_min")

    def difference(self, method: Literal["between_groups", "to_overall"] = "between_groups") -> pd.Series:
        """How far apart the groups are: the largest difference between two groups, or from everyone together.

        Parameters
        ----------
        method : {"between_groups", "to_overall"}, default="between_groups"
            The meaning is fairlearn's: the maximum minus the minimum over groups, or the largest absolute difference
            between a group and ``overall``.

        Returns
        -------
        Series of float, one per column of ``by_group`` but ``size`` and ``share``
            At least 0; 0 for one group.
        """
        smaller, larger = self._pairs(method)
        with np.errstate(invalid="ignore"):
            # Equal infinities are no difference, which their subtraction would not say.
            gaps = np.where(smaller == larger, 0.0, larger - smaller)
        return pd.DataFrame(gaps, columns=self._judged().columns).max().rename("difference")

    def ratio(self, method: Literal["between_groups", "to_overall"] = "between_groups") -> pd.Series:
        """How nearly equal the groups are: the smallest ratio between two groups, or to everyone together.

        Parameters
        ----------
        method : {"between_groups", "to_overall"}, default="between_groups"
            The meaning is fairlearn's: the minimum divided by the maximum over groups, or the smallest of q and 1/q
            where q is a group's value divided by ``overall``. Equal values have ratio 1, also if they are 0.

        Returns
        -------
        Series of float, one per column of ``by_group`` but ``size`` and ``share``
            In [0, 1]; 1 for one group.
        """
        smaller, larger = self._pairs(method)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratios = np.where(smaller == larger, 1.0, smaller / larger)
        return pd.DataFrame(ratios, columns=self._judged().columns).min().rename("ratio")

    def to_frame(self) -> pd.DataFrame:
        """Everything that is printed, as one table.

        Returns
        -------
        DataFrame
            Columns ``kind`` ("group" for each group, then "overall", "difference" and "ratio"), ``group`` (its label;
            None for the summaries, so that no label can be mistaken for one), and those of ``by_group``.
        """
        summaries = ["overall", "difference", "ratio"]
        below = pd.DataFrame([self.overall, self.difference(), self.ratio()])
        columns = self.by_group.columns
        table = pd.concat([self.by_group.astype(np.float64), below[columns]], ignore_index=True)
        # An object array filled cell by cell, because a label that is a tuple is still one label.
        labels = np.full(len(table), None, dtype=object)
        for row, label in enumerate(self.by_group.index):
            labels[row] = label
        table.insert(0, "kind", ["group"] * len(self.by_group) + summaries)
        table.insert(1, "group", pd.Series(labels, dtype=object))
        return table

    def to_dict(self) -> dict[str, Any]:
        """The report as nested dictionaries of plain Python numbers; keys of ``by_group`` are the group labels."""
        return {
            "n_clusters": self.n_clusters,
            "n_empty_clusters": self.n_empty_clusters,
            "objectives": _plain(self.objectives),
            "overall": _plain(self.overall),
            "by_group": {label: _plain(self.by_group.iloc[h]) for h, label in enumerate(self.by_group.index)},
            "difference": _plain(self.difference()),
            "ratio": _plain(self.ratio()),
        }

    def __repr__(self) -> str:
        names, header, rows = self._cells()
        width = [max(len(header[c]), *(len(row[c]) for row in rows)) for c in range(len(header))]
        margin = max(len(name) for name in names)
        lines = [self._caption(), " " * margin + "".join(f"  {h:>{w}}" for h, w in zip(header, width, strict=True))]
        for name, row in zip(names, rows, strict=True):
            lines.append(
                (f"{name:<{margin}}" + "".join(f"  {c:>{w}}" for c, w in zip(row, width, strict=True))).rstrip()
            )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        names, header, rows = self._cells()
        head = "".join(f'<th scope="col">{escape(title)}</th>' for title in header)
        body = "".join(
            f'<tr><th scope="row">{escape(name)}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for name, row in zip(names, rows, strict=True)
        )
        return (
            f'<table class="fairness-report"><caption>{escape(self._caption())}</caption>'
            f'<thead><tr><th scope="col">group</th>{head}</tr></thead><tbody>{body}</tbody></table>'
        )

    def _caption(self) -> str:
        groups = len(self.by_group)
        return (
            f"FairnessReport: {int(self.overall['size'])} rows, {groups} group{'s' * (groups != 1)}, "
            f"{self.n_clusters} cluster{'s' * (self.n_clusters != 1)} ({self.n_empty_clusters} empty)"
        )

    def _cells(self) -> tuple[list[str], list[str], list[list[str]]]:
        table = self.to_frame()
        kinds = table.pop("kind")
        labels = table.pop("group")
        names = [str(label) if kind == "group" else kind for kind, label in zip(kinds, labels, strict=True)]
        rows = [
            [_cell(column, value, kind) for column, value in zip(table.columns, values, strict=True)]
            for kind, values in zip(kinds, table.to_numpy(), strict=True)
        ]
        return names, [TITLES[column] for column in table.columns], rows

    def _pairs(self, method: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What to compare in each column: the smaller and the larger value of each pair, shape (pairs, columns)."""
        table = self._judged()
        if method == "between_groups":
            return table.min().to_numpy()[np.newaxis], table.max().to_numpy()[np.newaxis]
        if method == "to_overall":
            values, reference = table.to_numpy(), self.overall[table.columns].to_numpy()
            return np.minimum(values, reference), np.maximum(values, reference)
        raise ValueError(f"method must be 'between_groups' or 'to_overall', got {method!r}")

    def _judged(self) -> pd.DataFrame:
        return self.by_group.drop(columns=SIZES)


def _cell(column: str, value: float, kind: str) -> str:
    if column in SIZES and kind in ("difference", "ratio"):
        return ""
    return f"{int(value)}" if column == "size" else f"{value:.4g}"


def _mean_known(theta: Any) -> float:
    known = theta[~np.isnan(theta)]
    return float(known.mean()) if len(known) else float("nan")


def _max_known(theta: Any) -> float:
    known = theta[~np.isnan(theta)]
    return float(known.max()) if len(known) else float("nan")


def _plain(values: pd.Series) -> dict[str, float]:
    return {str(name): (int(value) if name == "size" else float(value)) for name, value in values.items()}

"""The rows of X in another order: what must stay as it is, up to ties, for every method of this paper.

Ties of radii and of distances go to the lower row, so that on tied data another order may open other, equally good
centers; then radii, the LP and its bound still are the same. Exchanges of single centers (MV, polish) are tried in the
order of the rows: there the start and the promises stay, and every order ends where no exchange helps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fairclust.baselines import JungKannanLutz, MahabadiVakilian
from fairclust.distances import nearest_centers
from fairclust.radii import FairRadiiClustering, cost_violation_curve, fair_radii, fair_radii_lp

Floats = NDArray[np.float64]
K = 5

#: Methods whose centers do not depend on the order of the rows, with radii as an argument.
METHODS: dict[str, Callable[[Floats], Any]] = {
    "JKL": lambda radii: JungKannanLutz(K, radii=radii),
    "Fair-Round, k-means": lambda radii: FairRadiiClustering(K, radii=radii),
    "Fair-Round, k-median": lambda radii: FairRadiiClustering(K, 1, radii),
    "Fair-Round, p = 3": lambda radii: FairRadiiClustering(K, 3, radii),
    "Fair-Round without the search": lambda radii: FairRadiiClustering(K, radii=radii, shortcut=False),
    "Relaxed-Fair-Round": lambda radii: FairRadiiClustering(K, radii=1.7 * radii),
    "Sparse-Fair-Round": lambda radii: FairRadiiClustering(K, radii=radii, sparsification=0.4),
}


def cloud(seed: int) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Points without ties, radii without ties, and another order of the rows."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(45, 2))
    # Two points that are each other's m-th neighbor have the same fair radius; stretching removes such ties.
    return X, fair_radii(X, K) * rng.uniform(1.0, 1.1, len(X)), rng.permutation(len(X))


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("seed", range(4))
def test_the_same_centers(name: str, seed: int) -> None:
    X, radii, order = cloud(seed)
    first, second = METHODS[name](radii).fit(X), METHODS[name](radii[order]).fit(X[order])
    assert sorted(order[second.center_indices_]) == sorted(first.center_indices_)
    np.testing.assert_allclose(second.violations_, first.violations_[order], rtol=1e-12)
    # The same points share a center.
    places = first.cluster_centers_[first.labels_]
    np.testing.assert_array_equal(second.cluster_centers_[second.labels_], places[order])


@pytest.mark.parametrize("seed", range(3))
def test_the_same_curve(seed: int) -> None:
    X, radii, order = cloud(seed)
    one, two = (
        cost_violation_curve(points, K, radii=bounds, polish=False)
        for points, bounds in ((X, radii), (X[order], radii[order]))
    )
    for column in ("lower_bound", "lp_cost", "cost", "max_violation"):
        np.testing.assert_allclose(two[column], one[column], rtol=1e-6)
    assert two["n_centers"].tolist() == one["n_centers"].tolist()


@pytest.mark.parametrize("which", ["coded", "theory"])
@pytest.mark.parametrize("seed", range(4))
def test_mv_starts_alike_and_ends_where_no_exchange_helps(which: str, seed: int) -> None:
    X, radii, order = cloud(seed)
    models = [
        MahabadiVakilian(K, radii=bounds, critical_radius=which).fit(points)  # type: ignore[arg-type]
        for points, bounds in ((X, radii), (X[order], radii[order]))
    ]
    first, second = models
    assert order[second.critical_balls_.center_indices].tolist() == first.critical_balls_.center_indices.tolist()
    assert second.start_cost_ == pytest.approx(first.start_cost_, rel=1e-12)
    for model, points, bounds in ((first, X, radii), (second, X[order], radii[order])):
        assert model.converged_
        assert model.cost_ <= model.start_cost_
        near = nearest_centers(points, model.cluster_centers_)[1]
        assert (near <= model.dilation_ * bounds * (1 + 1e-9)).all()
        # Going on from its own end finds nothing: the end is one for every order of the scan.
        assert best_exchange(points, model) >= (1 - 0.02) * model.cost_**2 * (1 - 1e-9)


def best_exchange(X: Floats, model: Any) -> float:
    """The least cost after one exchange that leaves a center in every critical ball."""
    away = np.sqrt(((X[:, None] - X[None]) ** 2).sum(axis=2))
    balls = model.critical_balls_
    rows, best = model.center_indices_.tolist(), np.inf
    for leaves in rows:
        kept = [row for row in rows if row != leaves]
        for enters in range(len(X)):
            near = away[:, [*kept, enters]].min(axis=1)
            if (near[balls.center_indices] <= balls.radii * (1 + 1e-12)).all():
                best = min(best, float((near**2).sum()))
    return best


@pytest.mark.parametrize("seed", range(4))
def test_polish_keeps_its_promise_in_every_order(seed: int) -> None:
    X, radii, order = cloud(seed)
    plain = FairRadiiClustering(K, radii=radii).fit(X)
    limit = max(1.0, plain.guarantees_.violation) * (1 + 1e-9)
    for rows in (np.arange(len(X)), order):
        model = FairRadiiClustering(K, radii=radii[rows], polish=True).fit(X[rows])
        assert sorted(rows[model.rounding_.center_indices]) == plain.center_indices_.tolist()
        assert model.cost_ <= plain.cost_ * (1 + 1e-12)
        assert model.violations_.max() <= limit


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.sampled_from([1.0, 2.0]))
def test_with_ties_radii_and_lp_stay(seed: int, k: int, power: float) -> None:
    """On a lattice with coinciding rows nearly everything is tied."""
    rng = np.random.default_rng(seed)
    X, order = rng.integers(0, 4, (30, 2)).astype(float), rng.permutation(30)
    radii = fair_radii(X, k)
    np.testing.assert_array_equal(fair_radii(X[order], k), radii[order])
    first, second = (fair_radii_lp(points, k, power=power) for points in (X, X[order]))
    # Coinciding rows are merged in lexicographic order, so that the very same program is solved.
    assert (first.value, first.lower_bound) == (second.value, second.lower_bound)
    np.testing.assert_array_equal(first.openings, second.openings)
    np.testing.assert_array_equal(first.cost_shares[order], second.cost_shares)
    for points in (X, X[order]):
        # Which of the tied centers open may differ, what is promised does not.
        near = JungKannanLutz(k).fit(points)
        assert near.objective_ <= near.dilation_ * (1 + 1e-9) <= 2.0 * (1 + 1e-8)
        fair = FairRadiiClustering(k, power).fit(points)
        assert fair.guarantees_.violation <= fair.guarantees_.violation_bound * (1 + 1e-9)
        assert fair.guarantees_.cost_factor <= fair.guarantees_.cost_bound * (1 + 1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda: JungKannanLutz(K),
        lambda: MahabadiVakilian(K),
        lambda: MahabadiVakilian(K, power=1, critical_radius="theory"),
        lambda: FairRadiiClustering(K),
        lambda: FairRadiiClustering(K, 1, polish=True),
        lambda: FairRadiiClustering(K, sparsification=0.3),
        lambda: FairRadiiClustering(K, ties="cut", shortcut=False),
    ],
    ids=["JKL", "MV", "MV theory", "Fair-Round", "polished", "sparse", "ties cut"],
)
def test_the_same_call_gives_the_same_bytes(make: Callable[[], Any]) -> None:
    X = np.random.default_rng(3).integers(0, 6, (60, 2)).astype(float)
    first, again = make().fit(X), make().fit(np.asfortranarray(X))
    for name in ("center_indices_", "labels_", "violations_"):
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes()
    assert first.objective_ == again.objective_

"""One error for radii that cannot be kept, from every method, on both sides of a process boundary."""

import pickle

import numpy as np
import pytest
from joblib import Parallel, delayed

from fairclust.baselines import JungKannanLutz, MahabadiVakilian
from fairclust.radii import FairRadiiClustering, InfeasibleRadiiError, fair_radii_lp
from fairclust.solvers.infeasible_radii import listed

X = [[0.0], [5.0], [9.0]]
RADII = [1.0, 1.0, 1.0]
METHODS = {
    "LP": lambda: fair_radii_lp(X, 2, radii=RADII),
    "Fair-Round": lambda: FairRadiiClustering(2, radii=RADII).fit(X),
    "Sparse-Fair-Round": lambda: FairRadiiClustering(2, radii=RADII, sparsification=0.1).fit(X),
    "JKL": lambda: JungKannanLutz(2, radii=RADII).fit(X),
    "MV": lambda: MahabadiVakilian(2, radii=RADII).fit(X),
}


@pytest.mark.parametrize("name", METHODS)
def test_every_method_names_the_rows_and_the_way_out(name):
    with pytest.raises(InfeasibleRadiiError, match=r"0, 1, 2.*enlarge their radii or raise n_clusters") as caught:
        METHODS[name]()
    assert caught.value.rows == (0, 1, 2)
    assert caught.value.disjoint


def test_it_survives_pickling():
    error = InfeasibleRadiiError("no", (1, 2), False)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.rows, again.disjoint) == ("no", (1, 2), False)


def test_it_comes_home_from_a_worker():
    with pytest.raises(InfeasibleRadiiError, match="rows 0, 1, 2 are disjoint"):
        Parallel(n_jobs=2)(delayed(fair_radii_lp)(X, 2, radii=RADII) for _ in range(2))


def test_long_lists_are_cut():
    assert listed(tuple(range(3))) == "0, 1, 2"
    assert listed(tuple(range(15))) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 3 more"
    assert listed(tuple(np.arange(4)), limit=1) == "0 and 3 more"

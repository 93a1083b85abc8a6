"""What every clusterer of fairclust shares: scikit-learn's contract, and groups beside it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from fairclust._validation import check_points
from fairclust.distances import nearest_centers
from fairclust.groups import Groups, encode_groups

__all__ = ["FairClusterer", "also_called"]

Estimator = TypeVar("Estimator", bound=type)


def also_called(**names: str) -> Callable[[Estimator], Estimator]:
    """Let an estimator take parameters under other names, too, where scikit-learn does not allow such an attribute.

    The signature, and so ``get_params`` and ``clone``, know the true name only.

    Examples
    --------
    >>> @also_called(sparsify="sparsification")
    ... class Sparse(BaseEstimator):
    ...     def __init__(self, sparsification=0.0):
    ...         self.sparsification = sparsification
    >>> Sparse(sparsify=0.3).set_params(sparsify=0.4)
    Sparse(sparsification=0.4)
    """

    def renaming(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def renamed(self: Any, *arguments: Any, **options: Any) -> Any:
            for other, name in names.items():
                if other in options:
                    if name in options:
                        raise TypeError(f"{type(self).__name__} was given both {other} and {name}, which are the same")
                    options[name] = options.pop(other)
            return method(self, *arguments, **options)

        return renamed

    def decorate(cls: Estimator) -> Estimator:
        for name in ("__init__", "set_params"):
            setattr(cls, name, renaming(getattr(cls, name)))
        return cls

    return decorate


class FairClusterer(ClusterMixin, BaseEstimator):
    """Base of all estimators: ``fit(X, y=None, *, sensitive_features=None)``, DataFrames in, feature names kept.

    A subclass stores its hyper-parameters untouched in ``__init__``, validates them in ``_fit`` and sets learned
    attributes that end in an underscore. ``sensitive_features`` is routed by scikit-learn's metadata routing
    (``set_fit_request``), because ``fit`` names it.
    """

    labels_: NDArray[np.intp]
    n_features_in_: int

    def fit(self, X: Any, y: Any = None, *, sensitive_features: Any = None) -> Self:
        """Cluster the rows of X.

        Parameters
        ----------
        X : array or DataFrame of shape (n, d)
            Finite numbers.
        y : ignored
            Present for scikit-learn's sake.
        sensitive_features : array, Series or list of n hashable labels, optional
            The group of each row; None means one group.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For NaN or infinite entries, n_clusters > n, or labels whose number is not n.
        """
        points = self._points(X, reset=True)
        self._fit(points, encode_groups(sensitive_features, len(points)))
        return self

    def fit_predict(self, X: Any, y: Any = None, *, sensitive_features: Any = None) -> NDArray[np.intp]:
        """Cluster the rows of X and return ``labels_``."""
        return self.fit(X, sensitive_features=sensitive_features).labels_

    def predict(self, X: Any) -> NDArray[np.intp]:
        """The nearest center of each row of X, shape (n,).

        New rows carry no group, so this is the nearest-center rule even where ``fit`` assigned rows by another one.
        """
        check_is_fitted(self)
        return nearest_centers(self._points(X, reset=False), self._centers())[0]

    def _points(self, X: Any, *, reset: bool) -> NDArray[np.float64]:
        """X as an array. Our check names row and column; scikit-learn's records (or compares) feature names."""
        points = check_points(X)
        validate_data(self, X, reset=reset, skip_check_array=True)
        return points

    def _fit(self, X: NDArray[np.float64], groups: Groups) -> None:
        raise NotImplementedError(f"{type(self).__name__} must define _fit")

    def _centers(self) -> NDArray[np.float64]:
        return self.cluster_centers_  # type: ignore[attr-defined]

"""Find the experiments: every module of a paper is read, every :class:`Experiment` in it is listed."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from types import ModuleType

from fairclust.experiments.runner import PAPERS, Experiment

__all__ = ["all_experiments", "find_experiment"]

#: Modules, or packages of modules, that hold experiments; those that do not exist (yet) are passed over.
PLACES = tuple(f"fairclust.experiments.{paper}" for paper in PAPERS)


def all_experiments(paper: str | None = None) -> dict[str, Experiment]:
    """All experiments by name, in the order in which they are written; those of one paper if it is given.

    Raises
    ------
    ValueError
        If two experiments have one name (their results would overwrite each other).

    Examples
    --------
    >>> all(experiment.name == name for name, experiment in all_experiments().items())
    True
    """
    found: dict[str, Experiment] = {}
    for module in _modules():
        for item in vars(module).values():
            if not isinstance(item, Experiment) or item.module != module.__name__:
                continue
            other = found.setdefault(item.name, item)
            if other is not item:
                raise ValueError(f"two experiments are called {item.name!r}: in {other.module} and in {item.module}")
    return {name: item for name, item in found.items() if paper in (None, item.paper)}


def find_experiment(name: str) -> Experiment:
    """The experiment of that name; else a KeyError that lists the names there are."""
    found = all_experiments()
    if name not in found:
        raise KeyError(f"no experiment is called {name!r}; there are {', '.join(sorted(found)) or 'none'}")
    return found[name]


def _modules() -> list[ModuleType]:
    modules = []
    for place in PLACES:
        if importlib.util.find_spec(place) is not None:
            module = importlib.import_module(place)
            modules.append(module)
            for info in pkgutil.walk_packages(getattr(module, "__path__", []), prefix=f"{place}."):
                modules.append(importlib.import_module(info.name))
    return modules

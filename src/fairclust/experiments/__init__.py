"""The papers' tables and figures as functions: one file per paper, one experiment per table or figure.

Each experiment is made by :func:`experiment`, found by :func:`all_experiments` and run by ``fairclust reproduce``;
:func:`read_results` gives its stored table, :func:`recheck` computes a sample of that table again.
"""

from fairclust.experiments.digest import SourceChanged
from fairclust.experiments.pool import WorkerDied
from fairclust.experiments.recheck import recheck
from fairclust.experiments.registry import all_experiments, find_experiment
from fairclust.experiments.results import NoResults, ResultsError, StaleResults, read_provenance, read_results
from fairclust.experiments.runner import PAPERS, CellError, Experiment, Run, experiment, run

__all__ = [
    "PAPERS",
    "CellError",
    "Experiment",
    "NoResults",
    "ResultsError",
    "Run",
    "SourceChanged",
    "StaleResults",
    "WorkerDied",
    "all_experiments",
    "experiment",
    "find_experiment",
    "read_provenance",
    "read_results",
    "recheck",
    "run",
]

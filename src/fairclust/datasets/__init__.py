"""Data sets with their groups and their provenance: embedded, in FAIRCLUST_DATA, in the cache, or downloaded.

UCI Adult, Bank (4,521 rows) and credit card are part of the package. The others are looked for in the folder that the
environment variable ``FAIRCLUST_DATA`` names, then in the cache (``FAIRCLUST_CACHE``), then on the internet; their
SHA-256 is always checked, and what cannot be had is an error, never other data.
"""

from fairclust.datasets.availability import inventory
from fairclust.datasets.catalogue import Provenance, provenance
from fairclust.datasets.dataset import Dataset
from fairclust.datasets.fetch import ChecksumError, DatasetUnavailable
from fairclust.datasets.loaders import (
    LOADERS,
    load_adult,
    load_bank,
    load_bank_full,
    load_census_1990,
    load_census_income,
    load_credit_card,
    load_diabetes,
    load_lfw,
    loader,
)

__all__ = [
    "LOADERS",
    "ChecksumError",
    "Dataset",
    "DatasetUnavailable",
    "Provenance",
    "inventory",
    "load_adult",
    "load_bank",
    "load_bank_full",
    "load_census_1990",
    "load_census_income",
    "load_credit_card",
    "load_diabetes",
    "load_lfw",
    "loader",
    "provenance",
]

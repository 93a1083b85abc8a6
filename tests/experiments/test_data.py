from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import fairclust.datasets
from fairclust.datasets import Dataset, DatasetUnavailable, load_bank
from fairclust.experiments.data import data_digest, look_for


@pytest.fixture
def loaders(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Two loaders in place of the package's: ``there`` gives Bank, ``absent`` says it cannot; counts their calls."""
    calls = {"there": 0, "absent": 0}

    def there() -> Dataset:
        calls["there"] += 1
        return load_bank()

    def absent(*, download: bool = True) -> Dataset:
        calls["absent"] += 1
        raise DatasetUnavailable(
            f"the data set absent is not available. Tried:\n  1. FAIRCLUST_DATA=/home/me/data: no\n  2. {download=}"
        )

    monkeypatch.setattr(fairclust.datasets, "LOADERS", {"there": there, "absent": absent})
    return calls


def test_states(loaders: dict[str, int]) -> None:
    states = look_for(["there", "absent", "there"])
    assert states["there"].sha256 == load_bank().sha256
    assert states["there"].content == data_digest(load_bank())
    assert states["there"].reason is None
    assert states["absent"].sha256 is states["absent"].content is None
    assert loaders == {"there": 1, "absent": 1}


def test_the_reason_is_one_line_without_paths(loaders: dict[str, int]) -> None:
    assert look_for(["absent"], download=False)["absent"].reason == "the data set absent is not available."


def test_paths_are_taken_out_of_a_reason(loaders: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> None:
        raise DatasetUnavailable("no file in /home/me/data/x.csv, ~/cache or C:\\data\\x (see https://a.org/b/c): 1/2")

    monkeypatch.setattr(fairclust.datasets, "LOADERS", {"absent": absent})
    reason = look_for(["absent"])["absent"].reason
    assert reason == "no file in ..., ... or ... (see https://a.org/b/c): 1/2"


def test_known_states_are_not_looked_for_again(loaders: dict[str, int]) -> None:
    known: dict = {}
    look_for(["there"], known)
    look_for(["there", "absent"], known)
    assert loaders == {"there": 1, "absent": 1}
    assert set(known) == {"there", "absent"}


def test_an_unknown_name_is_an_error(loaders: dict[str, int]) -> None:
    with pytest.raises(KeyError, match=r"no data set is called 'iris'; fairclust.datasets has absent, there"):
        look_for(["iris"])


def test_other_errors_are_not_taken_for_absence(monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged() -> None:
        raise fairclust.datasets.ChecksumError("x.csv has SHA-256 1, expected 2")

    monkeypatch.setattr(fairclust.datasets, "LOADERS", {"damaged": damaged})
    with pytest.raises(fairclust.datasets.ChecksumError):
        look_for(["damaged"])


def test_digest_sees_every_value_name_and_order() -> None:
    bank = load_bank()
    base = data_digest(bank)
    assert data_digest(load_bank()) == base
    assert data_digest(replace(bank, origin="cache", description="other words", source="elsewhere")) == base
    other = bank.X.copy()
    other.iloc[7, 1] += 1
    groups = bank.groups.copy()
    groups.iloc[3, 0] = "unheard of"
    changed = [
        replace(bank, sha256="0"),
        replace(bank, X=other),
        replace(bank, X=bank.X.astype("float64")),
        replace(bank, X=bank.X[["balance", "age", "duration"]]),
        replace(bank, X=bank.X.rename(columns={"age": "years"})),
        replace(bank, X=bank.X.iloc[::-1]),
        replace(bank, groups=groups),
    ]
    digests = [data_digest(item) for item in changed]
    assert len({base, *digests}) == len(changed) + 1


def test_digest_of_other_containers() -> None:
    def make(**fields: object) -> SimpleNamespace:
        return SimpleNamespace(sha256="s", **fields)

    array = make(X=np.arange(6.0).reshape(2, 3), groups={"sex": np.array(["f", "m"])}, n=2)
    assert data_digest(array) == data_digest(
        make(X=np.arange(6.0).reshape(2, 3), groups={"sex": np.array(["f", "m"])}, n=2)
    )
    assert data_digest(array) != data_digest(
        make(X=np.arange(6.0).reshape(3, 2), groups={"sex": np.array(["f", "m"])}, n=2)
    )
    assert data_digest(array) != data_digest(
        make(X=np.arange(6.0).reshape(2, 3), groups={"sex": np.array(["m", "f"])}, n=2)
    )


def test_digest_does_not_depend_on_how_text_is_held() -> None:
    labels = ["a", "b", None, "a"]
    held = [
        pd.Series(labels, dtype="object"),
        pd.Series(labels, dtype="string"),
        pd.Series(labels, dtype="category"),
        pd.Series(labels, dtype="str"),
    ]
    digests = {data_digest(SimpleNamespace(sha256="s", groups=pd.DataFrame({"g": column}))) for column in held}
    assert len(digests) == 1

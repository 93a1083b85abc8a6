import dataclasses
import re

import pytest

from fairclust.datasets.catalogue import catalogue, provenance

NAMES = ["adult", "bank", "credit_card", "bank_full", "diabetes", "census_income", "census_1990", "lfw"]


def test_the_catalogue_names_all_data_sets_in_order() -> None:
    assert list(catalogue()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_is_complete(name: str) -> None:
    entry = provenance(name)
    assert entry.name == name
    assert entry.source.startswith("http")
    assert entry.licence in ("CC BY 4.0", "research use")
    assert entry.licence != "CC BY 4.0" or re.fullmatch(r"10\.24432/C\w{5}", entry.doi or "")
    assert len(entry.context) > 250, "what the data are about and what harm they can do takes more than a line"
    assert entry.kept
    assert entry.citation in entry.description
    assert entry.context in entry.description
    assert len(set(entry.features)) == len(entry.features)
    digests = [entry.raw.sha256, entry.table and entry.table.sha256, entry.raw.head and entry.raw.head[1]]
    assert any(digests)
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in digests if digest)
    assert bool(entry.raw.addresses) != bool(entry.raw.no_address)
    assert entry.embedded == (name in ("adult", "bank", "credit_card"))
    assert not entry.embedded or entry.obtained


@pytest.mark.parametrize(
    ("name", "features", "groups"),
    [
        ("adult", 6, 3),
        ("bank", 3, 1),
        ("credit_card", 23, 3),
        ("bank_full", 3, 1),
        ("census_1990", 68, 1),
        ("lfw", 80, 1),
    ],
)
def test_the_numbers_of_columns(name: str, features: int, groups: int) -> None:
    entry = provenance(name)
    assert (len(entry.features), len(entry.groups)) == (features, groups)


def test_the_sample_of_census_1990_is_an_entry_of_its_own() -> None:
    whole = provenance("census_1990")
    assert whole.sample is not None
    assert (whole.sample.name, whole.sample.rows, whole.rows) == ("census_1990_head", 99, 2_458_285)
    assert whole.sample.features == whole.features
    assert whole.sample.sample is None
    assert not whole.sample.raw.addresses


def test_an_unknown_name_is_an_error_that_lists_the_names() -> None:
    with pytest.raises(ValueError, match=r"no data set is called 'adults'; there are adult, bank, .*, lfw"):
        provenance("adults")


def test_the_catalogue_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        catalogue()["adult"] = provenance("bank")  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        provenance("adult").rows = 3  # type: ignore[misc]

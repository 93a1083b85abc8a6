from math import fsum

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.groups import encode_groups
from fairclust.metrics.by_group import (
    contingency,
    group_means,
    group_sums,
    labels_and_groups,
    occupied_contingency,
)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abcde"), st.floats(-1e6, 1e6)), min_size=1, max_size=40))
def test_sums_and_means(rows: list[tuple[str, float]]) -> None:
    groups = encode_groups([label for label, _ in rows])
    values = np.array([value for _, value in rows])
    sums, means = group_sums(values, groups), group_means(values, groups)
    for h, label in enumerate(groups.labels):
        members = [value for other, value in rows if other == label]
        assert sums[h] == pytest.approx(fsum(members), rel=1e-12, abs=1e-9)
        assert means[h] == pytest.approx(fsum(members) / len(members), rel=1e-12, abs=1e-9)


def test_many_groups() -> None:
    labels = np.random.default_rng(0).permutation(40_000)
    assert (group_sums(labels.astype(float), encode_groups(labels)) == np.arange(40_000)).all()


def test_long_sums_keep_twelve_digits() -> None:
    values = np.full(2_000_000, 0.1)
    codes = np.arange(len(values)) % 2
    assert group_means(values, encode_groups(codes)) == pytest.approx([0.1, 0.1], rel=1e-14)


def test_contingency() -> None:
    groups = encode_groups(list("abba"))
    labels = np.array([0, 3, 3, 3])
    assert contingency(labels, groups, 5).tolist() == [[1, 0], [0, 0], [0, 0], [1, 2], [0, 0]]
    assert occupied_contingency(labels, groups).tolist() == [[1, 0], [1, 2]]


def test_gaps_of_any_width() -> None:
    groups = encode_groups(list("ab"))
    assert occupied_contingency(np.array([2**60, 5]), groups).tolist() == [[0, 1], [1, 0]]


def test_lengths() -> None:
    with pytest.raises(ValueError, match="sensitive_features has 2 entries but labels has 3"):
        labels_and_groups([0, 1, 0], ["a", "b"])
    assert len(labels_and_groups([0, 1, 0], None)[1]) == 1

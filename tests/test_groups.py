"""Labels of any hashable kind become codes, in an order that the rows have no say in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter, deque
from dataclasses import FrozenInstanceError
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.groups import Groups, encode_groups

scalars = st.one_of(
    st.text(max_size=3),
    st.booleans(),
    st.integers(-3, 3),
    st.integers(2**60, 2**70),
    st.floats(allow_nan=False, width=16),
    st.fractions(max_denominator=3),
    st.binary(max_size=2),
    st.dates(),
)
labels_of_any_kind = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner | st.just(float("nan")) | st.none(), max_size=2).map(tuple), st.frozensets(inner, max_size=3)
    ),
    max_leaves=4,
)


class TestKindsOfLabels:
    @pytest.mark.parametrize(
        ("given_labels", "labels", "codes"),
        [
            (["m", "f", "m"], ("f", "m"), [1, 0, 1]),
            (("m", "f", "m"), ("f", "m"), [1, 0, 1]),
            (deque(["m", "f", "m"]), ("f", "m"), [1, 0, 1]),
            (range(2, -1, -1), (0, 1, 2), [2, 1, 0]),
            ([True, False, True], (False, True), [1, 0, 1]),
            (np.array([True, False, True]), (False, True), [1, 0, 1]),
            (np.array([3, 1, 3], dtype=np.uint8), (1, 3), [1, 0, 1]),
            (np.array([3, 1, 3], dtype=">i4"), (1, 3), [1, 0, 1]),
            (np.array([2.5, np.inf, -np.inf]), (-np.inf, 2.5, np.inf), [1, 2, 0]),
            (np.array(["b", "a"], dtype="U1"), ("a", "b"), [1, 0]),
            (np.array([b"b", b"a"]), (b"a", b"b"), [1, 0]),
            (np.array([["b"], ["a"]]), ("a", "b"), [1, 0]),
            (pd.Series(["b", "a"], index=[7, 7]), ("a", "b"), [1, 0]),
            (pd.Index(["b", "a"]), ("a", "b"), [1, 0]),
            (pd.DataFrame({"sex": ["b", "a"]}), ("a", "b"), [1, 0]),
            (pd.DataFrame({"sex": pd.Categorical(["b", "a"], ["b", "a"])}), ("b", "a"), [0, 1]),
            (pd.MultiIndex.from_tuples([("b", 1), ("a", 2)]), (("a", 2), ("b", 1)), [1, 0]),
            (pd.array([2, 1], dtype="Int64"), (1, 2), [1, 0]),
            (pd.array([True, False], dtype="boolean"), (False, True), [1, 0]),
            (pd.array(["b", "a"], dtype="string"), ("a", "b"), [1, 0]),
            (pd.Series(pd.arrays.SparseArray([1, 0, 1])), (0, 1), [1, 0, 1]),
            (pd.to_datetime(["2021", "2020"]), (pd.Timestamp("2020"), pd.Timestamp("2021")), [1, 0]),
            ([("m", "old"), ("f", "young"), ("m", "old")], (("f", "young"), ("m", "old")), [1, 0, 1]),
            ([(1, 2), (3,), (1, 2)], ((1, 2), (3,)), [0, 1, 0]),  # numpy makes no array of these
            ([(1, 2), (3, 4)], ((1, 2), (3, 4)), [0, 1]),  # and of these a table
            ([Fraction(1, 2), 0.25, 1], (0.25, Fraction(1, 2), 1), [1, 0, 2]),
            ([2**70, 1], (1, 2**70), [1, 0]),
            (["", "a"], ("", "a"), [0, 1]),
            (["a", "a\0", "\0"], ("\0", "a", "a\0"), [1, 2, 0]),
            ([0.0, -0.0], (0.0,), [0, 0]),
        ],
        ids=repr,
    )
    def test_become_codes(self, given_labels: Any, labels: tuple, codes: list[int]) -> None:
        groups = encode_groups(given_labels)
        assert groups.labels == labels
        assert groups.codes.tolist() == codes
        assert groups.codes.dtype == groups.sizes.dtype == np.intp

    def test_of_an_interval(self) -> None:
        ages = pd.cut([20, 30, 70, 25], [0, 40, 60, 80])
        groups = encode_groups(ages)
        assert groups.labels == (pd.Interval(0, 40), pd.Interval(60, 80))  # nobody is between 40 and 60
        assert groups.series([1.0, 2.0]).loc[pd.Interval(60, 80)] == 2.0

    def test_none_is_one_group(self) -> None:
        groups = encode_groups(None, 3)
        assert groups.labels == ("all",)
        assert groups.codes.tolist() == [0, 0, 0]
        assert groups.shares.tolist() == [1.0]

    def test_groups_pass_through(self) -> None:
        groups = encode_groups(["a", "b"])
        assert encode_groups(groups) is groups
        assert encode_groups(groups, 2) is groups
        with pytest.raises(ValueError, match="sensitive_features has 2 entries but X has 3 rows"):
            encode_groups(groups, 3)

    def test_a_read_only_array_is_left_alone(self) -> None:
        array = np.array([2, 0, 2])
        array.flags.writeable = False
        assert encode_groups(array).codes.tolist() == [1, 0, 1]
        assert array.tolist() == [2, 0, 2]

    def test_the_input_is_copied(self) -> None:
        column = pd.Series(pd.Categorical(["a", "b"], ["b", "a", "c"]))
        array = np.array([0, 1])
        groups, others = encode_groups(array), encode_groups(column)
        array[:] = 9
        assert groups.codes.tolist() == [0, 1]
        assert others.labels == ("b", "a")
        assert column.cat.categories.tolist() == ["b", "a", "c"]
        assert array.flags.writeable


class TestCategoricals:
    def test_keep_the_order_of_their_categories(self) -> None:
        column = pd.Categorical(["low", "high", "low"], ["low", "middle", "high"], ordered=True)
        for given_labels in (column, pd.Series(column), pd.CategoricalIndex(column)):
            assert encode_groups(given_labels).labels == ("low", "high")

    def test_categories_without_rows_are_no_groups(self) -> None:
        groups = encode_groups(pd.Categorical(["c", "a"], ["z", "c", "b", "a"]))
        assert groups.labels == ("c", "a")
        assert groups.sizes.tolist() == [1, 1]

    def test_a_missing_entry_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="missing label at row 1;"):
            encode_groups(pd.Categorical.from_codes([0, -1], ["a"]))


class TestOrderOfLabels:
    @given(st.lists(labels_of_any_kind, min_size=1, max_size=8), st.randoms(use_true_random=False))
    @settings(max_examples=150, deadline=None)
    def test_does_not_depend_on_the_order_of_the_rows(self, column: list[Any], random: Any) -> None:
        shuffled = list(column)
        random.shuffle(shuffled)
        groups, others = encode_groups(column), encode_groups(shuffled)
        assert repr_of(groups.labels) == repr_of(others.labels)
        assert Counter(groups.codes.tolist()) == Counter(others.codes.tolist())

    @given(st.lists(labels_of_any_kind, min_size=1, max_size=8))
    @settings(max_examples=100, deadline=None)
    def test_codes_and_sizes_say_what_the_labels_say(self, column: list[Any]) -> None:
        groups = encode_groups(column, len(column))
        assert groups.n_samples == len(column) == groups.sizes.sum()
        assert len(groups) == len(groups.labels) == len(groups.sizes)
        assert groups.sizes.min() >= 1
        assert np.bincount(groups.codes).tolist() == groups.sizes.tolist()
        assert groups.shares.sum() == pytest.approx(1.0)
        for label, code in zip(column, groups.codes, strict=True):
            assert repr_of(label) == repr_of(groups.labels[code])

    @pytest.mark.parametrize(
        ("column", "labels"),
        [
            ([1, "1"], (1, "1")),
            (["a", 2, 10], (2, 10, "a")),
            (["b", True, 0, "a"], (0, True, "a", "b")),
            (["b", 1, 0, True, "a"], (0, 1, "a", "b")),  # 1 and True are one label
            ([(1, "a"), (1, 2), "z"], ((1, 2), (1, "a"), "z")),
            ([frozenset("c"), frozenset("ab")], (frozenset("ab"), frozenset("c"))),
            ([frozenset("ab"), frozenset("a")], (frozenset("a"), frozenset("ab"))),
            ([1j, 1 + 1j], ((1 + 1j), 1j)),
        ],
    )
    def test_of_labels_that_cannot_all_be_compared(self, column: list[Any], labels: tuple) -> None:
        assert encode_groups(column).labels == labels
        assert encode_groups(column[::-1]).labels == labels

    def test_nan_inside_a_tuple_is_compared_with_nothing(self) -> None:
        column = [(float("nan"), 1), (0.0, 2)]
        assert encode_groups(column).codes.tolist() == [1, 0]
        assert encode_groups(column[::-1]).codes.tolist() == [0, 1]

    def test_of_sets_of_strings_is_the_same_in_every_process(self) -> None:
        """Python hashes strings anew in each process, and a set's text follows the hashes."""
        program = (
            "from fairclust.groups import encode_groups\n"
            "sets = [frozenset(['one', 'two', 'three']), frozenset(['two', 'four']), frozenset(['five', 'one'])]\n"
            "print([sorted(label) for label in encode_groups(sets).labels])"
        )
        printed = {
            subprocess.run(
                [sys.executable, "-c", program],
                env={**os.environ, "PYTHONHASHSEED": seed},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for seed in ("1", "2")
        }
        assert printed == {"[['five', 'one'], ['four', 'two'], ['one', 'three', 'two']]\n"}


class TestErrors:
    @pytest.mark.parametrize(
        ("given_labels", "row"),
        [
            ([None, "a"], 0),
            (["a", float("nan")], 1),
            ([1, pd.NaT], 1),
            ([1, 2, pd.NA], 2),
            (np.array([1.0, np.nan]), 1),
            (np.ma.masked_array([1, 2, 3], mask=[False, True, False]), 1),
            (pd.array([1, None], dtype="Int64"), 1),
            (pd.array(["a", None], dtype="string"), 1),
            (pd.Series(["a", None], index=["x", "y"]), 1),
            (pd.to_datetime(["2020", None]), 1),
        ],
        ids=repr,
    )
    def test_missing_label(self, given_labels: Any, row: int) -> None:
        message = f"^sensitive_features has a missing label at row {row}; give that row a label of its own or drop it$"
        with pytest.raises(ValueError, match=message):
            encode_groups(given_labels)

    def test_several_missing_labels(self) -> None:
        with pytest.raises(ValueError, match="missing label at row 1 and in 2 more; give"):
            encode_groups(["a", None, None, "b", float("nan")])

    @pytest.mark.parametrize("single", ["female", b"f", np.str_("f"), 3, 2.5, True, np.int64(3), np.array("f"), object])
    def test_a_single_value(self, single: Any) -> None:
        with pytest.raises(TypeError, match=r"^sensitive_features is a single value \(.*\); give one label per row$"):
            encode_groups(single, 1)

    @pytest.mark.parametrize(
        ("unordered", "kind"),
        [({"a", "b"}, "set"), ({"a": 1}, "dict"), ((label for label in "ab"), "generator"), ({}.keys(), "dict_keys")],
    )
    def test_what_is_no_sequence(self, unordered: Any, kind: str) -> None:
        with pytest.raises(TypeError, match=f"is a {kind}; give a list, array or Series in the order of the rows"):
            encode_groups(unordered, 2)

    @pytest.mark.parametrize("given_labels", [["a", ["b"]], [["a"], ["b"]], [{"a": 1}], [{"a"}]], ids=repr)
    def test_a_label_that_cannot_be_hashed(self, given_labels: Any) -> None:
        message = r"sensitive_features has a label that cannot be hashed \(.*\); use strings, numbers or tuples"
        with pytest.raises(TypeError, match=message):
            encode_groups(given_labels)

    @pytest.mark.parametrize("n_samples", [1, 3])
    @pytest.mark.parametrize("given_labels", [["a", "b"], np.array([1, 2]), pd.Series(["a", "a"])], ids=repr)
    def test_a_wrong_number_of_labels(self, given_labels: Any, n_samples: int) -> None:
        with pytest.raises(ValueError, match=f"sensitive_features has 2 entries but X has {n_samples} rows"):
            encode_groups(given_labels, n_samples)

    @pytest.mark.parametrize("empty", [[], np.array([]), pd.Series([], dtype=object), pd.Categorical([]), ()], ids=repr)
    def test_no_labels(self, empty: Any) -> None:
        with pytest.raises(ValueError, match="sensitive_features is empty; give one label per row"):
            encode_groups(empty)

    def test_none_without_a_number_of_rows(self) -> None:
        with pytest.raises(ValueError, match="sensitive_features is None, and the number of rows is not known"):
            encode_groups(None)
        with pytest.raises(ValueError, match="sensitive_features is empty"):
            encode_groups(None, 0)

    @pytest.mark.parametrize(
        ("table", "columns"),
        [
            (pd.DataFrame({"sex": ["f"], "race": ["x"]}), 2),
            (pd.DataFrame(index=[0]), 0),
            (np.zeros((4, 3)), 3),
            (np.zeros((4, 0)), 0),
        ],
    )
    def test_a_table(self, table: Any, columns: int) -> None:
        message = rf"sensitive_features has {columns} columns; give one column. .* frame.agg\('/'.join, axis=1\)"
        with pytest.raises(ValueError, match=message):
            encode_groups(table)

    def test_the_advice_for_tables_works(self) -> None:
        frame = pd.DataFrame({"sex": ["f", "m"], "race": ["x", "y"]})
        assert encode_groups(frame.agg("/".join, axis=1)).labels == ("f/x", "m/y")

    def test_too_many_dimensions(self) -> None:
        with pytest.raises(ValueError, match="sensitive_features has 3 dimensions; give one label per row"):
            encode_groups(np.zeros((2, 1, 1)))

    @pytest.mark.parametrize("wrong", ["f", ["a", None], [], ["a"], np.zeros((3, 2)), {1}, [[], [], []]])
    def test_name_the_argument(self, wrong: Any) -> None:
        with pytest.raises((ValueError, TypeError), match=r"^colors "):
            encode_groups(wrong, 3 if len(wrong) != 2 else None, name="colors")


class TestGroups:
    def test_cannot_be_changed(self) -> None:
        for groups in (encode_groups(["a", "b"]), encode_groups(None, 2), encode_groups(pd.Categorical(["a", "b"]))):
            with pytest.raises(ValueError, match="read-only"):
                groups.codes[0] = 1
            with pytest.raises(ValueError, match="read-only"):
                groups.sizes[0] = 1
            with pytest.raises(FrozenInstanceError):
                groups.labels = ()  # type: ignore[misc]

    def test_series_has_one_value_per_group(self) -> None:
        series = encode_groups(["b", "a", "b"]).series([0.5, 0.25], name="share")
        assert series.to_dict() == {"a": 0.5, "b": 0.25}
        assert (series.name, series.index.name) == ("share", "group")

    def test_series_keeps_tuples_whole(self) -> None:
        series = encode_groups([("f", 1), ("m", 2)]).series([3, 4])
        assert series.index.nlevels == 1
        assert series.to_dict() == {("f", 1): 3, ("m", 2): 4}

    def test_series_of_the_wrong_length(self) -> None:
        with pytest.raises(ValueError, match="Length of values"):
            encode_groups(["a", "b"]).series([1.0])

    def test_are_equal_only_to_themselves(self) -> None:
        groups = encode_groups(["a"])
        assert groups == groups
        assert groups != encode_groups(["a"])
        assert isinstance(hash(groups), int)
        assert isinstance(groups, Groups)


def repr_of(label: Any) -> Any:
    """A label in a form in which NaN equals NaN, 1 equals True and equal sets are equal."""
    if isinstance(label, (tuple, frozenset)):
        parts = [repr_of(part) for part in label]
        return (type(label).__name__, parts if isinstance(label, tuple) else sorted(parts, key=repr))
    if isinstance(label, (bool, int, float, Fraction)) and label == label:
        return Fraction(label) if abs(label) != float("inf") else label
    return repr(label)

"""Arguments come in many shapes and leave in one; what does not fit is named: what, where, and what would fit."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust._validation import (
    as_generator,
    check_centers,
    check_labels,
    check_n_clusters,
    check_number,
    check_points,
    check_power,
    check_radii,
    check_rows,
    check_weights,
)


class TestPoints:
    @pytest.mark.parametrize(
        "points",
        [
            [[1, 2], [3, 4]],
            ((1, 2), (3, 4)),
            np.array([[1, 2], [3, 4]], dtype=np.int8),
            np.array([[1, 2], [3, 4]], dtype=">f4"),
            np.array([[1, 3], [2, 4]], dtype=np.float64).T,
            np.array([[1, 2], [3, 4]], dtype=object),
            pd.DataFrame({"a": [1, 3], "b": [2.0, 4.0]}),
            pd.DataFrame({"a": pd.array([1, 3], dtype="Int64"), "b": pd.array([2, 4], dtype="Float32")}),
            pd.DataFrame({"a": ["1", "3"], "b": [2, 4]}),
            np.ma.masked_array([[1, 2], [3, 4]], mask=False),
        ],
    )
    def test_become_one_kind_of_array(self, points: Any) -> None:
        array = check_points(points)
        assert array.dtype == np.float64
        assert array.flags.c_contiguous
        assert array.tolist() == [[1.0, 2.0], [3.0, 4.0]]

    def test_read_only_points_are_used_as_they_are(self) -> None:
        array = np.ones((2, 2))
        array.flags.writeable = False
        assert check_points(array) is array

    @pytest.mark.parametrize(
        ("points", "message"),
        [
            ([[0.0, 1.0], [2.0, np.nan]], "X contains NaN at row 1, column 1; impute or drop such rows first"),
            ([[0.0, None]], "X contains NaN at row 0, column 1;"),
            ([[0.0], [-np.inf]], "X contains infinity at row 1, column 0;"),
            ([[np.inf, np.nan], [np.nan, 0]], "X contains infinity at row 0, column 0 and 2 more entries that are not"),
            (np.ma.masked_array([[1, 2]], mask=[[False, True]]), "X contains NaN at row 0, column 1;"),
            (pd.DataFrame({"age": [1, 2], "income": [1, np.nan]}), r"NaN at row 1, column 1 \(income\);"),
            (pd.DataFrame({0: [1.0], 1: [np.inf]}), r"infinity at row 0, column 1 \(1\);"),
            (pd.DataFrame({"a": [np.nan]}, index=["x"]), r"NaN at row 0, column 0 \(a\);"),
            (pd.DataFrame({"n": pd.array([1, None], dtype="Int64")}), r"NaN at row 1, column 0 \(n\);"),
        ],
    )
    def test_what_is_not_finite_is_found(self, points: Any, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            check_points(points)

    @pytest.mark.parametrize(
        ("points", "column"),
        [
            (pd.DataFrame({"age": [1.0], "sex": ["f"]}), r"column 1 \(sex\): could not convert string to float: 'f'"),
            (pd.DataFrame({"age": [1, pd.NA], "sex": [0, 1]}), r"column 0 \(age\): .*NAType"),
            (pd.DataFrame([[1.0, 2.0, {}]], columns=["a", "a", "a"]), r"column 2 \(a\): "),
        ],
    )
    def test_a_column_that_is_not_numeric_is_named(self, points: pd.DataFrame, column: str) -> None:
        with pytest.raises(ValueError, match=f"X has a column that is not numeric, {column}.*; encode or drop it"):
            check_points(points)

    @pytest.mark.parametrize(
        ("points", "error", "message"),
        [
            ([1.0, 2.0], ValueError, "Expected 2D array, got 1D array"),
            ([], ValueError, "Expected 2D array"),
            (np.zeros((0, 2)), ValueError, r"0 sample\(s\) .* a minimum of 1 is required"),
            (np.zeros((2, 0)), ValueError, r"0 feature\(s\) .* a minimum of 1 is required"),
            (pd.DataFrame({"a": []}), ValueError, r"0 sample\(s\)"),
            (np.zeros((2, 2, 2)), ValueError, "dim 3"),
            ([["a"]], ValueError, "could not convert string to float: 'a'"),
            ([[1, 2], [3]], ValueError, "inhomogeneous"),
            (np.array([[1j]]), ValueError, "Complex data not supported"),
            (scipy.sparse.eye_array(2), TypeError, "Sparse data was passed for X, but dense data is required"),
            (None, ValueError, "2D array"),
        ],
    )
    def test_what_are_no_points(self, points: Any, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            check_points(points)

    def test_the_smallest_number_of_rows_and_the_name(self) -> None:
        assert check_points([[1.0]], min_samples=1).shape == (1, 1)
        with pytest.raises(ValueError, match="minimum of 2 is required"):
            check_points([[1.0]], min_samples=2)
        with pytest.raises(ValueError, match="centers contains NaN at row 0, column 0"):
            check_points([[np.nan]], name="centers")


class TestNumber:
    @pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int64(2), Fraction(4, 2)])
    def test_a_number(self, value: Any) -> None:
        number = check_number(value, "p")
        assert (number, type(number)) == (2.0, float)

    @pytest.mark.parametrize("value", [2, np.int64(2), np.uint8(2)])
    def test_an_integer(self, value: Any) -> None:
        number = check_number(value, "k", integer=True)
        assert (number, type(number)) == (2, int)

    def test_an_integer_of_any_size(self) -> None:
        assert check_number(10**400, "k", low=1, integer=True) == 10**400
        assert check_number(2**63 + 1, "k", high=2**64, integer=True) == 2**63 + 1

    @pytest.mark.parametrize("value", [True, np.True_, "1", None, [1], np.array(1.0), 1j, Decimal(1), pd.NA])
    @pytest.mark.parametrize(("integer", "word"), [(False, "a number"), (True, "an integer")])
    def test_what_is_no_number(self, value: Any, integer: bool, word: str) -> None:
        with pytest.raises(TypeError, match=rf"^p must be {word}, got .* of type {type(value).__name__}$"):
            check_number(value, "p", integer=integer)

    @pytest.mark.parametrize("value", [2.0, np.float64(2), Fraction(2)])
    def test_what_is_no_integer(self, value: Any) -> None:
        with pytest.raises(TypeError, match="k must be an integer, got"):
            check_number(value, "k", integer=True)

    @pytest.mark.parametrize(
        ("value", "limits", "message"),
        [
            (0, {"low": 1}, r"p must be at least 1, got 0"),
            (0.5, {"low": 1.0}, r"p must be at least 1, got 0\.5"),
            (0.0, {"low": 0.0, "low_open": True}, r"p must be greater than 0, got 0\.0"),
            (1.5, {"low": 0, "high": 1}, r"p must be in \[0, 1\], got 1\.5"),
            (0, {"low": 0, "high": 1, "low_open": True}, r"p must be in \(0, 1\], got 0"),
            (np.inf, {}, "p must be finite, got inf"),
            (-np.inf, {}, "p must be finite, got -inf"),
            (np.nan, {"low": 1}, "p must be at least 1 and finite, got nan"),
            (np.inf, {"low": 0, "low_open": True}, "p must be greater than 0 and finite, got inf"),
            (np.nan, {"low": 0, "high": 1}, r"p must be in \[0, 1\], got nan"),
            (np.inf, {"low": 0, "high": 1}, r"p must be in \[0, 1\], got inf"),
            (10**400, {"low": 1}, "p must be at least 1 and finite, got 10000"),
            (0, {"low": 1, "integer": True}, "p must be at least 1, got 0"),
            (10, {"low": 0, "high": 9, "integer": True}, r"p must be in \[0, 9\], got 10"),
        ],
    )
    def test_out_of_range(self, value: Any, limits: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=f"^{message}"):
            check_number(value, "p", **limits)

    @given(st.floats(-5, 5), st.floats(-5, 5), st.floats(-5, 5), st.booleans())
    @settings(max_examples=60, deadline=None)
    def test_the_range_is_what_it_says(self, value: float, low: float, high: float, low_open: bool) -> None:
        inside = (low < value if low_open else low <= value) and value <= high
        try:
            found = check_number(value, "p", low=low, high=high, low_open=low_open)
        except ValueError:
            assert not inside
        else:
            assert inside
            assert found == value


class TestClustersAndPower:
    def test_clusters(self) -> None:
        assert check_n_clusters(np.int32(3), 3) == 3
        with pytest.raises(ValueError, match="n_clusters=4 is larger than the number of rows, n_samples=3"):
            check_n_clusters(4, 3)
        with pytest.raises(ValueError, match=r"n_clusters=1000.* is larger than the number of rows"):
            check_n_clusters(10**400, 3)
        with pytest.raises(ValueError, match="n_clusters must be at least 1, got 0"):
            check_n_clusters(0, 3)
        for wrong in (2.0, True, "2", None):
            with pytest.raises(TypeError, match="n_clusters must be an integer"):
                check_n_clusters(wrong, 3)

    def test_power(self) -> None:
        assert [check_power(p) for p in (1, 2, 2.5)] == [1.0, 2.0, 2.5]
        with pytest.raises(ValueError, match=r"power must be at least 1, got 0\.5"):
            check_power(0.5)
        with pytest.raises(ValueError, match="power must be at least 1 and finite, got inf"):
            check_power(np.inf)
        with pytest.raises(TypeError, match="power must be a number, got '2'"):
            check_power("2")


@pytest.mark.parametrize(("check", "what"), [(check_weights, "weight"), (check_radii, "radius")])
class TestOneNumberPerRow:
    @pytest.mark.parametrize(
        "values", [[1, 0], (1.0, 0.0), np.array([1, 9, 0, 9], dtype=np.int8)[::2], pd.Series([1, 0])]
    )
    def test_becomes_an_array(self, check: Callable[..., Any], what: str, values: Any) -> None:
        array = check(values, 2)
        assert array.tolist() == [1.0, 0.0]
        assert array.dtype == np.float64
        assert array.flags.c_contiguous

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ([1.0], r"values has shape \(1,\) but X has 2 rows; give one {what} per row"),
            ([[1.0], [1.0]], r"values has shape \(2, 1\) but X has 2 rows; give one {what} per row"),
            (3.0, r"values has shape \(\) but X has 2 rows"),
            ([], r"values has shape \(0,\) but X has 2 rows"),
            ([1.0, -0.5], r"values must be finite and not negative; row 1 has -0\.5"),
            ([np.nan, -1], r"values must be finite and not negative; row 0 has nan"),
            ([0, np.inf], r"values must be finite and not negative; row 1 has inf"),
            (["a", "b"], "could not convert string to float"),
        ],
    )
    def test_what_does_not_fit(self, check: Callable[..., Any], what: str, values: Any, message: str) -> None:
        with pytest.raises(ValueError, match=message.format(what=what)):
            check(values, 2, name="values")

    def test_read_only(self, check: Callable[..., Any], what: str) -> None:
        array = np.array([1.0, 2.0])
        array.flags.writeable = False
        assert check(array, 2).tolist() == [1.0, 2.0]


class TestWeightsAndRadii:
    def test_no_weights_are_equal_weights(self) -> None:
        assert check_weights(None, 3).tolist() == [1.0, 1.0, 1.0]

    def test_weights_that_are_all_zero(self) -> None:
        with pytest.raises(ValueError, match="weights are all zero; at least one row must count"):
            check_weights([0, 0.0], 2)

    def test_radii_may_all_be_zero(self) -> None:
        assert check_radii([0, 0], 2).tolist() == [0.0, 0.0]


class TestCenters:
    def test_have_the_features_of_the_points(self) -> None:
        assert check_centers([[1, 2]], 2).tolist() == [[1.0, 2.0]]
        with pytest.raises(ValueError, match="centers have 2 features but X has 3"):
            check_centers([[1, 2]], 3)
        with pytest.raises(ValueError, match="init have 1 features but X has 3"):
            check_centers([[1]], 3, name="init")

    def test_are_points(self) -> None:
        with pytest.raises(ValueError, match="centers contains infinity at row 0, column 1"):
            check_centers([[1, np.inf]], 2)
        with pytest.raises(ValueError, match=r"0 sample\(s\)"):
            check_centers(np.zeros((0, 2)), 2)


class TestLabels:
    @pytest.mark.parametrize(
        "labels",
        [
            [0, 2, 0],
            (0, 2, 0),
            np.array([0, 2, 0], dtype=np.uint8),
            np.array([0.0, 2.0, -0.0]),
            pd.Series([0, 2, 0], index=[5, 6, 7]),
            pd.array([0, 2, 0], dtype="Int64"),
        ],
    )
    def test_become_integers(self, labels: Any) -> None:
        for n_samples, n_clusters in ((None, None), (3, 3), (3, 10)):
            array = check_labels(labels, n_samples, n_clusters)
            assert array.dtype == np.intp
            assert array.tolist() == [0, 2, 0]

    def test_are_copied(self) -> None:
        labels = np.array([0, 1])
        labels.flags.writeable = False
        checked = check_labels(labels)
        checked[0] = 1
        assert labels.tolist() == [0, 1]

    @pytest.mark.parametrize(
        ("labels", "error", "message"),
        [
            ([[0], [1]], ValueError, r"labels must have one dimension, got shape \(2, 1\)"),
            (0, ValueError, r"labels must have one dimension, got shape \(\)"),
            ([0], ValueError, "labels has 1 entries but X has 2 rows"),
            ([0, 1, 1], ValueError, "labels has 3 entries but X has 2 rows"),
            ([0, 0.5], TypeError, "labels must be integers 0..k-1, got dtype float64"),
            ([0, np.nan], TypeError, "labels must be integers 0..k-1, got dtype float64"),
            ([0, np.inf], TypeError, "got dtype float64"),
            ([True, False], TypeError, "got dtype bool"),
            (["0", "1"], TypeError, "got dtype <U1"),
            (np.array([0, 1], dtype=object), TypeError, "got dtype object"),
            (pd.array([0, None], dtype="Int64"), TypeError, "got dtype"),
            ([0, -1], ValueError, "labels must not be negative; row 1 has -1"),
            ([0.0, -2.0], ValueError, "labels must not be negative; row 1 has -2"),
            ([0, 2], ValueError, "labels must be below the number of centers, 2; row 1 has 2"),
            ([1e300, 0.0], ValueError, r"labels must be below the number of centers, 2; row 0 has 1e\+300"),
        ],
    )
    def test_what_are_no_labels(self, labels: Any, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            check_labels(labels, 2, 2)

    def test_none(self) -> None:
        with pytest.raises(ValueError, match="phi is empty; give one cluster number per row"):
            check_labels([], name="phi")

    @pytest.mark.parametrize("labels", [np.array([2**63], dtype=np.uint64), [1e300]])
    def test_numbers_that_no_index_can_be(self, labels: Any) -> None:
        with pytest.raises(ValueError, match="labels must be below 9223372036854775807; row 0 has"):
            check_labels(labels)


class TestRows:
    def test_distinct_rows_in_the_order_given(self) -> None:
        assert check_rows([2, 0], 3).tolist() == [2, 0]
        assert check_rows([], 3, empty=True).tolist() == []

    @pytest.mark.parametrize(
        ("rows", "error", "message"),
        [
            ([], ValueError, r"center_indices must be a list of row numbers, at least one, got shape \(0,\)"),
            ([[0]], ValueError, r"got shape \(1, 1\)"),
            ([0.5], TypeError, "must hold row numbers .integers., got dtype float64"),
            ([0, 3], ValueError, "from 0 to 2; entry 1 is 3"),
            ([0, -1], ValueError, "from 0 to 2; entry 1 is -1"),
            ([1, 0, 1], ValueError, "distinct row numbers; row 1 is repeated"),
        ],
    )
    def test_errors(self, rows: object, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            check_rows(rows, 3)


class TestGenerator:
    @pytest.mark.parametrize("seed", [0, 7, np.int64(7), [1, 2], 2**70])
    def test_a_seed_is_numpys_seed(self, seed: Any) -> None:
        assert as_generator(seed).random() == np.random.default_rng(seed).random()

    def test_a_generator_passes_through(self) -> None:
        generator = np.random.default_rng(0)
        assert as_generator(generator) is generator

    def test_a_seed_sequence_and_a_bit_generator(self) -> None:
        expected = np.random.default_rng(np.random.SeedSequence(5)).random()
        assert as_generator(np.random.SeedSequence(5)).random() == expected
        assert as_generator(np.random.PCG64(5)).random() == expected

    def test_a_random_state_seeds_and_moves_on(self) -> None:
        state = np.random.RandomState(0)
        first, second = as_generator(state).random(), as_generator(state).random()
        assert first != second
        assert as_generator(np.random.RandomState(0)).random() == first

    def test_none_is_different_every_time(self) -> None:
        assert as_generator(None).random() != as_generator(None).random()

    def test_the_global_state_is_left_alone(self) -> None:
        before = np.random.get_state()[1].tolist()  # noqa: NPY002
        as_generator(None).random()
        as_generator(3).random()
        assert np.random.get_state()[1].tolist() == before  # noqa: NPY002

    @pytest.mark.parametrize("wrong", [True, np.True_, 1.0, np.float32(1), "seed", object(), np.random, {"a": 1}])
    def test_wrong_types(self, wrong: Any) -> None:
        with pytest.raises(TypeError, match="random_state must be None, an int or a numpy Generator, got"):
            as_generator(wrong)

    @pytest.mark.parametrize("wrong", [-1, np.int64(-1)])
    def test_negative(self, wrong: Any) -> None:
        with pytest.raises(ValueError, match="random_state must not be negative, got"):
            as_generator(wrong)

"""The table colored by rank: what is written where, which cells are the best, and what cannot be drawn."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from fairclust.figures.comparison import rank_table

TABLE = pd.DataFrame({"social cost": [1.0, 2.0, np.inf], "balance": [0.5, np.nan, 0.9]}, index=["one", "two", "three"])


def texts(table: pd.DataFrame, **options: object) -> dict[tuple[int, int], tuple[str, str]]:
    """Text and weight of each cell by (row, column)."""
    (ax,) = rank_table(table, **options).axes  # type: ignore[arg-type]
    return {
        (round(t.get_position()[1]), round(t.get_position()[0])): (t.get_text(), str(t.get_fontweight()))
        for t in ax.texts
    }


def test_every_number_stands_in_its_cell() -> None:
    found = texts(TABLE, higher_is_better=("balance",))
    assert {place: text for place, (text, _) in found.items()} == {
        (0, 0): "1.00",
        (1, 0): "2.00",
        (2, 0): "∞",
        (0, 1): "0.50",
        (1, 1): "–",
        (2, 1): "0.90",
    }


def test_the_best_of_each_column_is_bold() -> None:
    bold = {place for place, (_, weight) in texts(TABLE, higher_is_better=("balance",)).items() if weight == "bold"}
    assert bold == {(0, 0), (2, 1)}
    bold = {place for place, (_, weight) in texts(TABLE).items() if weight == "bold"}
    assert bold == {(0, 0), (0, 1)}


def test_colors_follow_the_rank() -> None:
    (ax,) = rank_table(TABLE).axes
    shades = ax.images[0].get_array()
    assert shades is not None
    np.testing.assert_allclose(np.ma.filled(shades, -1.0), [[0.0, 0.0], [0.5, -1.0], [1.0, 1.0]])


def test_rows_and_columns_are_named() -> None:
    (ax,) = rank_table(TABLE).axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["one", "two", "three"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["social\ncost", "balance"]


def test_the_same_bytes_every_time() -> None:
    def drawn() -> bytes:
        buffer = io.BytesIO()
        rank_table(TABLE).savefig(buffer, format="png")
        return buffer.getvalue()

    assert drawn() == drawn()


@pytest.mark.parametrize("table", [TABLE.iloc[:0], TABLE[[]]])
def test_nothing_to_draw(table: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        rank_table(table)


def test_one_row_has_no_rank() -> None:
    assert texts(TABLE.iloc[:1])[0, 0] == ("1.00", "bold")

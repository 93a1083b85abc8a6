"""A CSV file of the user: read as text, so that it can be written back unchanged, and numbers where numbers are needed.

Every error is one sentence that names the file, the column and the line.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["CsvError", "CsvTable", "read_csv_text"]


class CsvError(ValueError):
    """The file cannot be used as it is; the message says where and what would be right."""


@dataclass(frozen=True)
class CsvTable:
    """The fields of a CSV file as text.

    Attributes
    ----------
    path : Path
    separator : str
    header : list of str
    rows : list of list of str
        Each as long as the header.
    lines : list of int
        The line of the file in which each row ends; the header is line 1.
    """

    path: Path
    separator: str
    header: list[str]
    rows: list[list[str]]
    lines: list[int]

    def labels(self, name: str) -> list[str]:
        """A column of labels, none of them empty."""
        return self._filled(name, "give such rows a label of their own or drop them")

    def numeric_columns(self, names: Sequence[str] | None, without: str | None) -> list[str]:
        """The columns to compute with: those named, else all but `without`; an error if one of them is not numeric."""
        chosen = [name for name in self.header if name != without] if names is None else list(dict.fromkeys(names))
        if not chosen:
            raise CsvError(f"{self.path} has no column to cluster by beside the groups")
        words = {name: found for name in chosen if (found := self._first_word(name)) is not None}
        if words:
            listed = ", ".join(f"{name} ({text!r} in line {line})" for name, (text, line) in words.items())
            rest = [name for name in chosen if name not in words]
            advice = f"choose others with --columns {','.join(rest)}" if rest else "turn it into numbers first"
            raise CsvError(f"{self.path} has text where numbers are needed, in {listed}; mend it, or {advice}")
        return chosen

    def numbers(self, names: Sequence[str]) -> NDArray[np.float64]:
        """Columns as finite numbers, shape (rows, columns)."""
        table = np.empty((len(self.rows), len(names)))
        for i, name in enumerate(names):
            for row, text in enumerate(self._filled(name, "fill in or drop such rows")):
                table[row, i] = value = float(text)
                if not math.isfinite(value):
                    raise CsvError(
                        f"column {name} of {self.path} has {text.strip()!r} in line {self.lines[row]}; drop such rows"
                    )
        return table

    def with_column(self, name: str, values: Sequence[object]) -> bytes:
        """The file with one more column at the right."""
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self.separator, lineterminator="\n")
        writer.writerow([*self.header, name])
        writer.writerows([*row, value] for row, value in zip(self.rows, values, strict=True))
        return text.getvalue().encode()

    def _column(self, name: str) -> list[str]:
        if name not in self.header:
            raise CsvError(f"{self.path} has no column {name!r}; it has {', '.join(self.header)}")
        position = self.header.index(name)
        return [row[position] for row in self.rows]

    def _filled(self, name: str, advice: str) -> list[str]:
        column = self._column(name)
        empty = [row for row, text in enumerate(column) if not text.strip()]
        if empty:
            more = f" and {len(empty) - 1} more" if len(empty) > 1 else ""
            raise CsvError(f"column {name} of {self.path} is empty in line {self.lines[empty[0]]}{more}; {advice}")
        return column

    def _first_word(self, name: str) -> tuple[str, int] | None:
        """The first field that is no number; empty fields are another error."""
        for row, text in enumerate(self._column(name)):
            try:
                float(text.strip() or "0")
            except ValueError:
                return text.strip(), self.lines[row]
        return None


def read_csv_text(path: Path, separator: str = ",") -> CsvTable:
    """Read a CSV file with one header line.

    Parameters
    ----------
    path : Path
    separator : str, default=","
        One character.

    Returns
    -------
    CsvTable

    Raises
    ------
    CsvError
        If it is no UTF-8 text, has no rows, a row of another length than the header, or two columns of one name.

    Notes
    -----
    O(size of the file) time and memory. Blank lines are passed over.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=separator, strict=True)
            read = [(row, reader.line_num) for row in reader if row]
    except UnicodeDecodeError as error:
        raise CsvError(f"{path} is not UTF-8 text ({error}); convert it first") from None
    except csv.Error as error:
        raise CsvError(f"{path} cannot be read as a CSV file: line {reader.line_num}: {error}") from None
    except TypeError:
        raise CsvError(f"the separator must be one character, got {separator!r}") from None
    if len(read) < 2:
        raise CsvError(f"{path} has no rows below a header")
    header = [name.strip() for name in read[0][0]]
    mark = next((mark for mark in ";\t|" if len(header) == 1 and mark in header[0]), None)
    if mark is not None:
        raise CsvError(
            f"{path} has a single column, {header[0]!r}; if {mark!r} separates its columns, give it as --sep"
        )
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise CsvError(f"{path} has more than one column called {', '.join(map(repr, twice))}; rename them")
    for row, line in read[1:]:
        if len(row) != len(header):
            raise CsvError(f"{path} has {len(row)} fields in line {line}, its header has {len(header)}")
    return CsvTable(path, separator, header, [row for row, _ in read[1:]], [line for _, line in read[1:]])

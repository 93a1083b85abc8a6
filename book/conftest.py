"""Chapters are tests: every code cell runs, and what a cell prints is compared with what the page says it prints.

nbval collects only ``.ipynb`` files and compares nothing where a cell was never executed, so a notebook converted
from text would pass with nothing checked. Here a chapter's ``expected`` metadata becomes its reference output:

    ```{code-cell} ipython3
    ---
    expected:
      - "social cost 1.042"
    ---
    print(f"social cost {cost:.3f}")
    ```

``expected`` is the list of the lines that the cell prints, each one quoted. Pictures, tables and stderr are not
compared (a strict build of the book rejects stderr). A chapter with code and without a single ``expected`` cell checks
nothing and is a collection error; a page without code is no test.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbval.plugin import IPyNbCell, IPyNbFile, find_metadata_tags

# Kernels inherit these: the same sums in the same order on every machine, and two workers do not fight over cores.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

HERE = Path(__file__).parent
FENCE = re.compile(r"^(?:`{3,}|:{3,}|~{3,})\s*\{code-cell\}", re.MULTILINE)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the chapters that hold code."""
    options = parent.config.option
    if file_path.suffix != ".md" or HERE not in file_path.parents or not (options.nbval or options.nbval_lax):
        return None
    if not FENCE.search(file_path.read_text(encoding="utf-8")):
        return None
    return Chapter.from_parent(parent, path=file_path)


class Chapter(IPyNbFile):
    """One chapter, written in MyST Markdown."""

    def collect(self) -> Iterator[pytest.Item]:
        """One test for each code cell, named after its line."""
        import jupytext

        text = self.path.read_text(encoding="utf-8")
        self.nb = jupytext.reads(text, fmt="md:myst")
        cells = [cell for cell in self.nb.cells if cell.cell_type == "code"]
        lines = [text.count("\n", 0, match.start()) + 1 for match in FENCE.finditer(text)]
        if len(lines) != len(cells):
            raise self.CollectError(f"{self.path.name}: {len(lines)} code cells open, jupytext reads {len(cells)}")
        if not any(cell.metadata.get("expected") for cell in cells):
            raise self.CollectError(
                f"{self.path.name} has code but no cell with `expected` lines: nothing it prints would be checked"
            )
        for number, (cell, line) in enumerate(zip(cells, lines, strict=True)):
            cell.outputs = self._reference(cell, line)
            cell.execution_count = 1
            options: dict[str, Any] = {"check": False, "skip": False, "check_exception": False}
            options.update(find_metadata_tags(cell.metadata))
            options["check"] = "expected" in cell.metadata
            yield ChapterCell.from_parent(self, name=f"line {line}", cell_num=number, cell=cell, options=options)

    def _reference(self, cell: Any, line: int) -> list[Any]:
        expected = cell.metadata.get("expected", [])
        if not isinstance(expected, list) or not all(isinstance(entry, str) for entry in expected):
            raise self.CollectError(
                f"{self.path.name}, line {line}: `expected` must be a list of quoted lines, not {expected!r}"
            )
        if not expected:
            return []
        return [nbformat.v4.new_output("stream", name="stdout", text="\n".join(expected) + "\n")]


class ChapterCell(IPyNbCell):
    """One code cell. Only what it prints is compared."""

    def compare_outputs(self, test: list[Any], ref: list[Any], skip_compare: Any = None) -> bool:
        """Compare the printed lines, and nothing else that the cell shows."""
        printed = [output for output in test if output.output_type == "stream" and output.name == "stdout"]
        return super().compare_outputs(printed, ref, skip_compare)

    def runtest(self) -> None:
        """Run the cell; nbval lets a cell pass that was to raise and did not."""
        super().runtest()
        raised = any(output.output_type == "error" for output in self.test_outputs or [])
        if self.options["check_exception"] and not raised:
            self.raise_cell_error("The cell is tagged raises-exception but raised nothing")

    def reportinfo(self) -> tuple[Any, int, str]:
        """Point at the chapter."""
        return self.path, 0, f"{self.parent.path.name}::{self.name}"

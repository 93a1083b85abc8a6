"""The pages as text: all are in the table of contents, every figure says in words what it shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jupytext
import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "book").glob("*.md"))


def figures(path: Path) -> list[dict[str, Any]]:
    """The MyST-NB settings of every cell that is a figure."""
    notebook = jupytext.reads(path.read_text("utf-8"), fmt="md:myst")
    settings = [cell.metadata.get("mystnb", {}) for cell in notebook.cells if cell.cell_type == "code"]
    return [one for one in settings if "figure" in one or "image" in one]


def test_the_table_of_contents_lists_every_page_once() -> None:
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    listed = [contents["root"], *(chapter["file"] for chapter in contents["chapters"])]
    assert sorted(listed) == [f"book/{path.stem}" for path in PAGES]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_figure_has_a_name_a_caption_and_alt_text(path: Path) -> None:
    for one in figures(path):
        figure, image = one.get("figure", {}), one.get("image", {})
        assert figure.get("name"), f"{path.name}: a figure has no name to refer to it by: {one}"
        assert len(figure.get("caption", "")) > 10, f"{path.name}: {figure['name']} has no caption"
        assert len(image.get("alt", "")) > 20, f"{path.name}: {figure['name']} has no alt text"


def test_names_of_figures_are_unique() -> None:
    names = [one["figure"]["name"] for path in PAGES for one in figures(path)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_code_is_in_a_page_that_is_executed(path: Path) -> None:
    """Without the header MyST-NB takes a page for plain text and shows its cells unexecuted."""
    text = path.read_text("utf-8")
    if "{code-cell}" in text:
        header = yaml.safe_load(text.split("---")[1])
        assert header["jupytext"]["text_representation"]["format_name"] == "myst"
        assert header["kernelspec"]["name"] == "python3"

"""What the welfare chapter promises its reader: boxes that name a test, and tests of these names."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CHAPTER = (ROOT / "book" / "welfare.md").read_text("utf-8")
#: Title and text of every theorem, lemma and fact in a box.
BOXES = dict(re.findall(r"^```\{prf:\w+\} (.+?)\n(.*?)^```$", CHAPTER, re.MULTILINE | re.DOTALL))
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::([\w:]+))?`", CHAPTER)))


def definitions(path: Path) -> set[str]:
    """The functions and classes at the top of a file, and the methods as Class::method."""
    found = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
            found |= {f"{node.name}::{item.name}" for item in ast.walk(node) if isinstance(item, ast.FunctionDef)}
    return found


def test_the_papers_lemmas_and_theorems_have_boxes() -> None:
    titles = " ".join(BOXES)
    for name in (
        "4.1",
        "4.2",
        "4.3",
        "4.4",
        "4.5",
        "4.7",
        "4.8",
        "4.9",
        "4.10",
        "4.11",
        "Fact E.1",
        "E.2",
        "Appendix C",
    ):
        assert re.search(rf"(?<![\d.]){re.escape(name)}(?!\d)", titles), name


@pytest.mark.parametrize("title", list(BOXES))
def test_every_box_names_the_test_that_tries_it(title: str) -> None:
    assert "*Tried by*" in BOXES[title]
    assert re.search(r"`tests/[\w/]+\.py", BOXES[title])


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_what_is_named_exists(path: str, name: str) -> None:
    assert (ROOT / path).is_file()
    if name:
        assert name in definitions(ROOT / path)


def test_every_exercise_has_a_hidden_solution() -> None:
    exercises = CHAPTER.split("\n## Exercises\n")[1].split("\n## ")[0]
    parts = re.split(r"^\*\*\d+\. ", exercises, flags=re.MULTILINE)[1:]
    assert len(parts) >= 3
    for part in parts:
        assert part.count("```{code-cell}") == part.count("tags: [hide-cell]") >= 1

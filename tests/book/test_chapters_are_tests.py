"""book/conftest.py: a chapter with a wrong number fails, one that checks nothing is an error."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HEADER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# A chapter

"""

CHAPTERS = {
    # Pictures, values and stderr may come beside the printed lines.
    "right": """```{code-cell} ipython3
---
expected:
  - "balance 0.500"
  - "social cost 1.042"
---
import sys

print(f"balance {1 / 2:.3f}")
print("social cost 1.042")
print("progress", file=sys.stderr)
7
```
""",
    "wrong": """```{code-cell} ipython3
---
expected:
  - "balance 0.500"
---
print(f"balance {1 / 3:.3f}")
```
""",
    "silent": """```{code-cell} ipython3
---
expected:
  - "balance 0.500"
---
balance = 0.5
```
""",
    "raising": """```{code-cell} ipython3
---
expected:
  - "before"
---
print("before")
```

```{code-cell} ipython3
assert 1 + 1 == 3
```
""",
    "calm": """```{code-cell} ipython3
---
expected:
  - "nothing wrong"
tags: [raises-exception]
---
print("nothing wrong")
```
""",
    "unchecked": """```{code-cell} ipython3
print("balance 0.500")
```
""",
    "unquoted": """```{code-cell} ipython3
---
expected:
  - 0.5
---
print(0.5)
```
""",
    "text": "Only words.\n",
}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest says of the chapters above, each in a file of its own."""
    folder = tmp_path_factory.mktemp("book")
    shutil.copy(ROOT / "book" / "conftest.py", folder)
    for name, text in CHAPTERS.items():
        (folder / f"{name}.md").write_text(HEADER + text, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    # The project's own options, in one process.
    options = ["--doctest-modules", "--nbval-lax", "--nbval-current-env", "--dist=loadfile", "--import-mode=importlib"]
    options += ["-n0", "-rA", "--color=no", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
    done = subprocess.run([sys.executable, "-m", "pytest", *options, "."], cwd=folder, capture_output=True, text=True)
    assert done.returncode != 0
    return done.stdout + done.stderr


def test_right_numbers_pass(outcome: str) -> None:
    assert re.search(r"^PASSED right\.md::line \d+$", outcome, re.MULTILINE)


@pytest.mark.parametrize(
    ("chapter", "complaint"),
    [
        ("wrong", "balance 0.333"),
        ("silent", "Missing output fields"),
        ("raising", "AssertionError"),
        ("calm", "raised nothing"),
    ],
)
def test_a_chapter_that_is_not_true_fails(outcome: str, chapter: str, complaint: str) -> None:
    assert re.search(rf"^FAILED {chapter}\.md::line \d+", outcome, re.MULTILINE)
    assert complaint in outcome


def test_cells_before_the_failing_one_pass(outcome: str) -> None:
    assert re.search(r"^PASSED raising\.md::line 14$", outcome, re.MULTILINE)


@pytest.mark.parametrize(
    ("chapter", "complaint"),
    [("unchecked", "nothing it prints would be checked"), ("unquoted", "must be a list of quoted lines, not [0.5]")],
)
def test_a_chapter_that_checks_nothing_is_an_error(outcome: str, chapter: str, complaint: str) -> None:
    assert re.search(rf"^ERROR {chapter}\.md", outcome, re.MULTILINE)
    assert complaint in outcome


def test_a_page_without_code_is_no_test(outcome: str) -> None:
    assert "text.md" not in outcome


def test_chapters_of_the_book_are_collected() -> None:
    """Every page in the table of contents that holds code is seen by pytest."""
    with_code = [path.name for path in (ROOT / "book").glob("*.md") if "```{code-cell}" in path.read_text("utf-8")]
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n0", "-p", "no:cacheprovider", "book"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    for name in with_code:
        assert f"book/{name}" in done.stdout, done.stdout + done.stderr

"""What the README shows is what happens: its example, its commands, its files, its numbers."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

from fairclust.cli import main
from fairclust.experiments import read_provenance, read_results

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def spans() -> list[str]:
    """Every `code` in a line of text."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", TEXT, flags=re.MULTILINE | re.DOTALL))


def subcommands() -> set[str]:
    """What follows `fairclust` in a span or a line of a block, and what is listed after `fairclust --help`."""
    lines = [*spans(), *(line for language in ("sh", "text") for line in "".join(blocks(language)).splitlines())]
    named = {match for line in lines for match in re.findall(r"(?:^|[\s/])fairclust ([a-z]+)", line)}
    (listed,) = re.findall(r"^.*fairclust --help`(.*)$", TEXT, re.MULTILINE)
    return named | set(re.findall(r"`([a-z]+)` \(", listed))


def test_the_example_prints_what_it_says() -> None:
    (code,) = blocks("python")
    (printed,) = re.findall(r"^```python\n.*?^```\n\n```text\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(code, "README.md", "exec"), {"__name__": "__main__"})
    assert output.getvalue() == printed


def test_the_example_is_ten_lines() -> None:
    (code,) = blocks("python")
    assert "## Ten lines" in TEXT
    assert len([line for line in code.splitlines() if line.strip()]) == 10


def test_subcommands_are_found() -> None:
    assert {"data", "fit", "reproduce", "scorecard"} <= subcommands()


@pytest.mark.parametrize("name", sorted(subcommands()))
def test_every_subcommand_exists(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert f"usage: fairclust {name}" in capsys.readouterr().out


def test_every_make_target_exists() -> None:
    lines = [*spans(), *"".join(blocks("sh")).splitlines()]
    targets = {shlex.split(line, comments=True)[1] for line in lines if line.startswith("make ")}
    assert {"book", "test"} <= targets
    rules = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert targets <= rules


def test_every_file_exists() -> None:
    linked = re.findall(r"\]\(([^)#:]+)\)", TEXT)
    named = [span for span in spans() if re.fullmatch(r"[\w./-]+(/|\.md|\.cff|\.toml)", span)]
    assert "book/_static/result.png" in linked
    assert {"CONTRIBUTING.md", "CITATION.cff", "src/fairclust/"} <= set(named)
    assert [name for name in [*linked, *named] if not (ROOT / name).exists()] == []


def test_the_python_it_asks_for_is_the_one_that_is_needed() -> None:
    (asked,) = re.findall(r"Python (3\.\d+)\+", TEXT)
    assert f'requires-python = ">={asked}"' in (ROOT / "pyproject.toml").read_text("utf-8")


def test_the_picture_shows_what_its_caption_says() -> None:
    """1,000 clients, ten clusters; vanilla k-means leaves hundreds beyond the promise, JKL and Fair-Round few."""
    counts = read_results("radii-histogram").query("dataset == 'bank' and k == 10")
    beyond = counts[counts["bin_left"] >= 1.0].groupby("method")["mean_count"].sum()
    assert set(counts.groupby("method")["mean_count"].sum().round(6)) == {1000.0}
    assert beyond["kmeans"] >= 200
    assert max(beyond["jkl"], beyond["fair_round"]) <= 100


def test_the_picture_is_drawn_from_the_stored_results() -> None:
    """After new results: `make picture`."""
    with Image.open(ROOT / "book" / "_static" / "result.png") as picture:
        assert picture.info["Description"] == read_provenance("radii-histogram")["csv_sha256"]

"""The book's build: a false assert stops it, a changed formula is never hidden by a cache, nothing is fetched."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from docutils import nodes

ROOT = Path(__file__).parents[2]

PAGE = r"""---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# One page

Social cost {cite:p}`ghadiri2021socially` is $\max_h \boldsymbol{\Delta}_h / n_h$.
{func}`fairclust.groups.encode_groups` and {class}`numpy.ndarray` exist.

:::{prf:theorem} A bound
:label: bound
$V_h / n_h \le 2 (1 - r_h)$.
:::

```{code-cell} ipython3
from pathlib import Path

assert Path("../src/formula.txt").read_text() == "right"
print("the formula is right")
```

```{bibliography}
```
"""


def extension(name: str) -> ModuleType:
    """One of the book's Sphinx extensions, which are no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "book" / "_ext" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fresh_results = extension("fresh_results")
offline_reading = extension("offline_reading")
api_references = extension("api_references")


def build(book: Path) -> subprocess.CompletedProcess[str]:
    """Build as the Makefile's book target does."""
    # Without --all: whether an unchanged page is executed again is what is tested.
    command = ["jupyter-book", "build", ".", "-W", "-n", "--keep-going"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [str(Path(sys.executable).with_name(command[0])), *command[1:]],
        cwd=book,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path},
    )


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book of one page with the project's configuration, built."""
    book = tmp_path_factory.mktemp("checkout")
    for name in ("_config.yml", "book/_ext", "book/_static", "book/references.bib"):
        source, target = ROOT / name, book / name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    (book / "_toc.yml").write_text("format: jb-book\nroot: book/index\n", encoding="utf-8")
    (book / "book" / "index.md").write_text(PAGE, encoding="utf-8")
    (book / "src").mkdir()
    (book / "src" / "formula.txt").write_text("right", encoding="utf-8")
    done = build(book)
    assert done.returncode == 0, done.stdout + done.stderr
    return book


class TestBuild:
    def test_the_page_shows_what_it_computed(self, book: Path) -> None:
        assert "the formula is right" in (book / "_build" / "html" / "book" / "index.html").read_text("utf-8")

    def test_no_page_fetches_anything(self, book: Path) -> None:
        assert list(offline_reading.remote_resources(book / "_build" / "html")) == []

    def test_no_page_fetches_anything_by_a_plain_search(self, book: Path) -> None:
        """The same without the extension's own parser."""
        tags = re.compile(r"<(?:script|img|iframe|source|video|audio|embed|object|link)\b[^>]*>", re.IGNORECASE)
        for path in (book / "_build" / "html").rglob("*.html"):
            for tag in tags.findall(path.read_text("utf-8")):
                remote = re.search(r"""(?:src|href|data|srcset)\s*=\s*["']?(?:https?:)?//""", tag)
                assert remote is None, f"{path.name}: {tag}"

    def test_formulas_are_set_by_the_books_own_mathjax(self, book: Path) -> None:
        html = (book / "_build" / "html" / "book" / "index.html").read_text("utf-8")
        assert re.search(r'<script[^>]* src="\.\./_static/mathjax/tex-chtml\.js', html)
        mathjax = book / "_build" / "html" / "_static" / "mathjax"
        assert (mathjax / "tex-chtml.js").stat().st_size > 1_000_000
        assert len(list((mathjax / "output" / "chtml" / "fonts" / "woff-v2").glob("*.woff"))) > 20
        assert sum(path.stat().st_size for path in mathjax.rglob("*")) < 2_000_000

    def test_no_page_offers_to_run_code_elsewhere(self, book: Path) -> None:
        html = (book / "_build" / "html" / "book" / "index.html").read_text("utf-8").lower()
        assert "thebe" not in html
        assert "binder" not in html

    def test_every_page_has_its_icon_and_follows_the_readers_theme(self, book: Path) -> None:
        for page in ("index.html", "book/index.html", "search.html"):
            assert "favicon.svg" in (book / "_build" / "html" / page).read_text("utf-8")
        assert 'data-default-mode="auto"' in (book / "_build" / "html" / "book" / "index.html").read_text("utf-8")

    def test_a_changed_formula_runs_the_page_again_and_a_false_assert_stops_the_build(self, book: Path) -> None:
        """Neither the page nor its cells change: only the fingerprint of src/ can notice."""
        formula = book / "src" / "formula.txt"
        formula.write_text("wrong", encoding="utf-8")
        done = build(book)
        formula.write_text("right", encoding="utf-8")
        assert done.returncode != 0
        assert "AssertionError" in done.stdout + done.stderr


class TestFingerprint:
    @pytest.fixture
    def checkout(self, tmp_path: Path) -> Path:
        for name in ("src/package/module.py", "src/package/table.csv", "book/results/figure.csv", "book/index.md"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(name, encoding="utf-8")
        return tmp_path

    def test_nothing_changed(self, checkout: Path) -> None:
        assert fresh_results.fingerprint(checkout) == fresh_results.fingerprint(checkout)
        assert re.fullmatch("[0-9a-f]{16}", fresh_results.fingerprint(checkout))

    @pytest.mark.parametrize("name", ["src/package/module.py", "src/package/table.csv", "book/results/figure.csv"])
    def test_changed_content(self, checkout: Path, name: str) -> None:
        before = fresh_results.fingerprint(checkout)
        (checkout / name).write_text("changed", encoding="utf-8")
        assert fresh_results.fingerprint(checkout) != before

    def test_new_renamed_and_deleted_files(self, checkout: Path) -> None:
        seen = {fresh_results.fingerprint(checkout)}
        (checkout / "src/package/new.py").write_text("new", encoding="utf-8")
        seen.add(fresh_results.fingerprint(checkout))
        (checkout / "src/package/new.py").rename(checkout / "src/package/renamed.py")
        seen.add(fresh_results.fingerprint(checkout))
        (checkout / "src/package/module.py").unlink()
        seen.add(fresh_results.fingerprint(checkout))
        assert len(seen) == 4

    def test_byte_code_and_pages_do_not_count(self, checkout: Path) -> None:
        """A page is in the cache's own key."""
        before = fresh_results.fingerprint(checkout)
        (checkout / "src/package/__pycache__").mkdir()
        (checkout / "src/package/__pycache__/module.nbi").write_text("compiled", encoding="utf-8")
        (checkout / "book/index.md").write_text("changed", encoding="utf-8")
        assert fresh_results.fingerprint(checkout) == before

    def test_versions_and_variables_count(self, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        before = fresh_results.fingerprint(checkout)
        monkeypatch.setenv("FAIRCLUST_DATA", "elsewhere")
        other = fresh_results.fingerprint(checkout)
        monkeypatch.setattr(fresh_results, "versions", lambda: {"numpy": "0.0"})
        assert len({before, other, fresh_results.fingerprint(checkout)}) == 3

    def test_the_versions_are_those_of_what_the_library_runs_on(self) -> None:
        versions = fresh_results.versions()
        assert {"python", "numpy", "scipy", "scikit-learn", "numba", "highspy", "pandas"} <= set(versions)
        assert "absent" not in versions.values()
        assert "pytest" not in versions


class TestRemoteResources:
    @pytest.mark.parametrize(
        "html",
        [
            '<script src="https://example.org/a.js"></script>',
            "<script src='//example.org/a.js'></script>",
            '<link rel="stylesheet" href="http://example.org/a.css">',
            '<link rel="preconnect" href="https://example.org">',
            '<img alt="" src="https://example.org/a.png">',
            '<img alt="" srcset="a.png 1x, https://example.org/b.png 2x">',
            '<div style="background: url(https://example.org/a.png)"></div>',
            "<style>@import 'https://example.org/a.css';</style>",
            "<style>@font-face { src: url('//example.org/a.woff') }</style>",
            '<iframe src="https://example.org"></iframe>',
        ],
    )
    def test_found(self, tmp_path: Path, html: str) -> None:
        (tmp_path / "page.html").write_text(f"<html><body>{html}</body></html>", encoding="utf-8")
        assert len(list(offline_reading.remote_resources(tmp_path))) == 1

    def test_found_in_style_sheets(self, tmp_path: Path) -> None:
        (tmp_path / "a.css").write_text("@font-face { src: url(https://example.org/a.woff) }", encoding="utf-8")
        assert [address for _, address in offline_reading.remote_resources(tmp_path)] == ["https://example.org/a.woff"]

    @pytest.mark.parametrize(
        "html",
        [
            '<a href="https://example.org">a link is followed by the reader</a>',
            '<link rel="canonical" href="https://example.org">',
            '<script src="_static/a.js"></script>',
            '<img alt="" src="data:image/png;base64,AAAA,//AA">',
            '<svg xmlns="http://www.w3.org/2000/svg"></svg>',
            "<p>https://example.org</p>",
        ],
    )
    def test_not_fetched(self, tmp_path: Path, html: str) -> None:
        (tmp_path / "page.html").write_text(f"<html><body>{html}</body></html>", encoding="utf-8")
        assert list(offline_reading.remote_resources(tmp_path)) == []


class TestApiPage:
    def test_what_exists_is_found(self) -> None:
        for name in ("numpy.ndarray", "fairclust.groups.encode_groups", "fairclust.groups.Groups.shares", "ValueError"):
            assert api_references.find_object(name) is not api_references.MISSING

    def test_attributes_that_only_the_docstring_lists_are_found(self) -> None:
        assert api_references.find_object("fairclust.groups.Groups.sizes") is not api_references.MISSING
        assert api_references.find_object("sklearn.cluster.KMeans.labels_") is not api_references.MISSING

    @pytest.mark.parametrize(
        "name",
        ["fairclust.groups.encode_group", "fairclust.group", "fairclust.groups.Groups.size", "no_such_package.x"],
    )
    def test_what_does_not_exist_is_missing(self, name: str) -> None:
        assert api_references.find_object(name) is api_references.MISSING

    @pytest.mark.parametrize(
        ("target", "kind", "exists"),
        [("Groups", "class", True), ("Group", "class", False), ("ValueError", "exc", True), ("OddError", "exc", False)],
    )
    def test_names_are_looked_up_where_the_docstring_stands(self, target: str, kind: str, exists: bool) -> None:
        """Text of a function that a package documents, and another module defines."""
        node = nodes.inline()
        node.source = "groups.py:docstring of fairclust.groups.encode_groups"
        node["py:module"], node["reftype"] = "fairclust", kind
        assert (api_references.search(target, node) is not api_references.MISSING) == exists

    def test_footnotes_of_two_docstrings_do_not_clash(self) -> None:
        one, two = (["See [1]_ and [2]_.", "", ".. [1] First.", ".. [2] Second."] for _ in range(2))
        api_references.number_footnotes(None, "function", "package.one", None, None, one)
        api_references.number_footnotes(None, "function", "package.two", None, None, two)
        assert one == [
            "See [#package-one-1]_ and [#package-one-2]_.",
            "",
            ".. [#package-one-1] First.",
            ".. [#package-one-2] Second.",
        ]
        assert not set(one[2:]) & set(two[2:])

    def test_every_public_name_is_on_the_page(self) -> None:
        """A package's __all__ is what users import; the page documents it with one automodule."""
        page = (ROOT / "book" / "api.md").read_text("utf-8")
        documented = set(re.findall(r"automodule:: (\S+)", page))
        source = ROOT / "src"
        for path in sorted((source / "fairclust").rglob("__init__.py")):
            name = ".".join(path.parent.relative_to(source).parts)
            if "__all__" in path.read_text("utf-8") and name != "fairclust":
                assert name in documented, f"book/api.md has no automodule for {name}"

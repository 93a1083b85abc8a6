from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from fairclust.experiments.digest import code_digest, reached, source_digest

FILES = {
    "__init__.py": "from digested.upper import cell",
    "upper.py": """
        '''Upper.'''
        from __future__ import annotations
        import numpy as np
        from typing import TYPE_CHECKING
        from digested import gathered as g
        from digested.gathered import used
        from digested.lower import SCALE, Kind as Sort
        from fairclust.experiments.runner import experiment
        if TYPE_CHECKING:
            from digested.typing_only import T
        def _grid(quick):
            return [{"x": 1}]
        @experiment("digested", paper="welfare", title="t", grid=_grid)
        def cell(*, x: int):
            '''A cell.'''
            return [{"y": used(x) * SCALE + helper(x)}]
        def helper(x):
            from .inner import deep
            return deep(np.float64(x))
        def other(x):
            return Sort(x)
    """,
    "gathered/__init__.py": """
        '''Names.'''
        from digested.gathered.one import used
        from digested.gathered.two import unused
        __all__ = ["unused", "used"]
    """,
    "gathered/one.py": "def used(x):\n    return x + OFFSET\nOFFSET = 1\nspare = 2",
    "gathered/two.py": "def unused(x):\n    return x",
    "lower.py": "SCALE = 2.0\nclass Kind:\n    size = 1\nimport digested.effect",
    "inner.py": "def deep(x):\n    return x",
    "effect.py": "FLAG = [1]\nFLAG.append(2)",
    "typing_only.py": "T = int",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """``package(file, old, new)`` edits a file of a small package and gives the digest of its cell."""
    folder = tmp_path / "digested"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text).lstrip("\n"))
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()

    def edit(name: str = "upper.py", old: str = "", new: str = "") -> str:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1) if old else text)
        return code_digest("digested.upper", "cell")

    return edit


def test_what_is_reached(package: Callable[..., str]) -> None:
    assert reached("digested.upper", "cell") == [
        "digested.effect:",
        "digested.effect:FLAG",
        "digested.gathered.one:OFFSET",
        "digested.gathered.one:used",
        "digested.inner:deep",
        "digested.lower:SCALE",
        "digested.upper:cell",
        "digested.upper:helper",
    ]
    assert "digested.upper:other" in reached("digested.upper")
    assert "digested.lower:Kind" in reached("digested.upper")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("upper.py", "+ helper(x)", "- helper(x)"),
        ("upper.py", "deep(np.float64(x))", "deep(x)"),
        ("upper.py", "import numpy as np", "import math as np"),
        ("gathered/one.py", "x + OFFSET", "x - OFFSET"),
        ("gathered/one.py", "OFFSET = 1", "OFFSET = 1.0"),
        ("gathered/__init__.py", "one import used", "two import unused as used"),
        ("lower.py", "SCALE = 2.0", "SCALE = 3.0"),
        ("inner.py", "return x", "return -x"),
        ("effect.py", "append(2)", "append(3)"),
        ("effect.py", "[1]", "[2]"),
    ],
)
def test_a_changed_formula_anywhere_below_changes_it(
    package: Callable[..., str], name: str, old: str, new: str
) -> None:
    before = package()
    assert package(name, old, new) != before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("upper.py", "'''A cell.'''", "'''Another text.'''\n    # and a comment"),
        ("upper.py", "'''Upper.'''", ""),
        ("upper.py", "return [{", "return [\n        {"),
        ("upper.py", '[{"x": 1}]', '[{"x": 1}, {"x": 2}]'),
        ("upper.py", 'title="t"', 'title="A better title"'),
        ("upper.py", "return Sort(x)", "return Sort(x + 1)"),
        ("upper.py", "def other", "def another(x):\n    return 1\ndef other"),
        ("gathered/one.py", "spare = 2", "spare = 3"),
        ("gathered/one.py", "def used", "def first(x):\n    return 1\n\n\ndef used"),
        ("gathered/two.py", "return x", "return -x"),
        ("gathered/__init__.py", "two import unused", "two import unused, unused as more"),
        ("lower.py", "size = 1", "size = 2"),
        ("typing_only.py", "int", "float"),
    ],
)
def test_what_does_not_enter_the_number_does_not_change_it(
    package: Callable[..., str], name: str, old: str, new: str
) -> None:
    before = package()
    assert package(name, old, new) == before


def test_where_a_name_may_stand_for_more_all_of_the_module_counts(package: Callable[..., str]) -> None:
    before = package("upper.py", "used(x) * SCALE", "g.used(x) * globals()['SCALE']")
    assert package("gathered/two.py", "return x", "return -x") != before
    before = package()
    assert package("upper.py", "return Sort(x)", "return Sort(x + 1)") != before


def test_lazy_and_star_imports_are_followed(package: Callable[..., str]) -> None:
    package(
        "gathered/__init__.py", "from digested.gathered.one import used\n", "def __getattr__(name):\n    return 1\n"
    )
    before = package()
    assert package("gathered/one.py", "x + OFFSET", "x - OFFSET") != before
    package("lower.py", "SCALE = 2.0", "from digested.scales import *")
    (Path(sys.path[0]) / "digested" / "scales.py").write_text("SCALE = 2.0")
    before = package()
    (Path(sys.path[0]) / "digested" / "scales.py").write_text("SCALE = 2.50")
    assert package() != before


def test_circular_imports_end(package: Callable[..., str]) -> None:
    before = package("inner.py", "def deep", "from digested.upper import helper\n\n\ndef deep")
    assert package("inner.py", "return x", "return helper(x)") != before


def test_what_runs_experiments_is_left_out() -> None:
    below = reached("fairclust.experiments.antidote.vanilla", "vanilla")
    assert "fairclust.experiments.antidote.vanilla:vanilla" in below
    assert any(name.startswith("fairclust.metrics.balance:") for name in below)
    assert any(name.startswith("fairclust.solvers.kmeans:") for name in below)
    assert not [n for n in below if n.startswith(("fairclust.datasets", "fairclust.experiments.runner"))]


def test_a_module_without_a_file_is_an_error() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"fairclust\.nowhere has no source file"):
        code_digest("fairclust.nowhere")
    with pytest.raises(ModuleNotFoundError, match="builtins has no source file"):
        code_digest("builtins")


def test_pinned_so_that_python_versions_agree() -> None:
    # The value was computed once with Python 3.11; it must come out on every version, or stored results look stale.
    source = """
def f(a, *b, c: int = 1, **d) -> list[int]:
    '''Doc.'''
    with open(a) as e, open(c):
        x = [i for i in b if i] or {**d}
    return f"{a!r:>{c}} {x=}" if not e else (yield)
class G(object): ...
"""
    assert source_digest(source) == "e47dff88d14713b9c54ddf3cc447a5ee0e4535e8e3c5cfe2e4bbee8c5792b3a5"

"""`import fairclust` is quick and gives the names that users type."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import fairclust as fc

ROOT = Path(__file__).parents[1]
PACKAGES = [name for name in fc.__all__ if name != "__version__"]


def modules_after(statement: str) -> set[str]:
    """The modules that a fresh interpreter holds after a statement."""
    program = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    return set(
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    )


@pytest.mark.parametrize("name", PACKAGES)
def test_each_package_is_an_attribute(name: str) -> None:
    found = getattr(fc, name)
    assert isinstance(found, ModuleType)
    assert found is importlib.import_module(f"fairclust.{name}")
    assert found.__doc__


def test_a_star_gives_them_all() -> None:
    names: dict[str, object] = {}
    exec("from fairclust import *", names)
    assert set(fc.__all__) <= set(names)


def test_they_are_listed_before_they_are_used() -> None:
    program = "import fairclust; print(*dir(fairclust))"
    listed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert {*fc.__all__, "__doc__"} <= set(listed)


def test_importing_the_package_imports_nothing_else() -> None:
    assert not {"numpy", "pandas", "numba", "sklearn", "cvxpy", "zoopt", "fairclust.metrics"} & modules_after(
        "import fairclust"
    )


def test_judging_a_clustering_needs_no_solver() -> None:
    loaded = modules_after("import fairclust as fc; fc.metrics.FairnessReport")
    assert "fairclust.metrics.report" in loaded
    assert not {"cvxpy", "zoopt", "highspy", "matplotlib", "sklearn.cluster", "fairclust.datasets"} & loaded
    assert not {name for name in loaded if name.startswith(("fairclust.solvers", "fairclust.welfare"))}


@pytest.mark.parametrize("name", ["datasets", "experiments", "claims", "figures", "groups"])
def test_what_is_imported_by_its_name_says_so(name: str) -> None:
    with pytest.raises(
        AttributeError, match=rf"^module 'fairclust' has no attribute '{name}'; .* import fairclust.{name}$"
    ):
        fc.__getattr__(name)
    assert importlib.import_module(f"fairclust.{name}").__doc__


@pytest.mark.parametrize("name", ["clusterings", "_validation", "__wrapped__"])
def test_what_is_not_there(name: str) -> None:
    with pytest.raises(AttributeError, match=rf"^module 'fairclust' has no attribute '{name}'$"):
        fc.__getattr__(name)


def test_a_package_above_can_be_imported_from_it() -> None:
    from fairclust import datasets, figures

    assert (datasets.__name__, figures.__name__) == ("fairclust.datasets", "fairclust.figures")


def test_the_docstring_names_the_papers_and_the_packages() -> None:
    assert fc.__doc__ is not None
    for words in ("antidote data", "Welfare-centric clustering", "individually fair k-clustering"):
        assert words in fc.__doc__
    for name in PACKAGES:
        assert f"``{name}``" in fc.__doc__


def test_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert fc.__version__ == project["version"]
    places = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "src").rglob("*.py")
        if "__version__ =" in path.read_text("utf-8")
    ]
    assert places == ["src/fairclust/__init__.py"]

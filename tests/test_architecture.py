"""The floors of the house: who may import whom, no circles, a test file for each module, files of a readable size.

Imports inside functions count like any other: they hide a circle from Python, not from the reader.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "fairclust"

#: Lowest first. A module imports from lower floors, or from its own package.
FLOORS: list[set[str]] = [
    {"groups", "_validation", "distances", "_estimator"},
    {"metrics", "solvers"},
    {"antidote", "welfare", "radii", "baselines"},
    {""},  # fairclust/__init__.py: the names that users import
    {"methods"},
    {"experiments"},
    {"claims", "figures", "_csv_input"},
    {"cli"},
    {"__main__"},
]

#: The lowest floor is one package in all but name: its modules may use each other.
GROUND = FLOORS[0]

#: Data stand apart: they build on the ground, and nothing but these uses them.
APART = "datasets"
USERS_OF_DATA = {"experiments", "cli", "__main__"}

#: Modules that are tested under another name: the parts of one engine, and what only a command shows.
TESTED_BY: dict[str, str] = {
    "__main__": "tests/test_cli.py",
    "claims.criteria": "tests/claims/test_against_numbers.py",
    "claims.criterion": "tests/claims/test_against_numbers.py",
    "datasets.dataset": "tests/datasets/test_loaders.py",
    "datasets.formats": "tests/datasets/test_embed.py",
    "experiments.preparation.antidote": "tests/experiments/test_preparation.py",
    "experiments.preparation.prepared": "tests/experiments/test_preparation.py",
    "experiments.preparation.radii": "tests/experiments/test_preparation.py",
    "experiments.preparation.welfare": "tests/experiments/test_preparation.py",
    "figures.clusterings": "tests/figures/test_figures.py",
    "figures.results": "tests/figures/test_figures.py",
    "solvers.assignment_master": "tests/solvers/test_assignment.py",
    "solvers.assignment_problems": "tests/solvers/test_assignment.py",
    "solvers.assignment_sweep": "tests/solvers/test_assignment.py",
    "solvers.assignment_terms": "tests/solvers/test_assignment.py",
    "solvers.assignment_vertex": "tests/solvers/test_assignment.py",
}

#: Lines a file may have. A longer one holds more than one thing.
LONGEST = 500


def parts_of(root: Path) -> dict[str, Path]:
    """Every module of the package as its name below the package (``""`` for the package itself) and its file."""
    top = root / "src" / PACKAGE
    modules = {}
    for path in sorted(top.rglob("*.py")):
        names = path.relative_to(top).with_suffix("").parts
        modules[".".join(names[:-1] if names[-1] == "__init__" else names)] = path
    return modules


def imports_of(name: str, path: Path, modules: dict[str, Path]) -> Iterator[tuple[int, str]]:
    """Line and name of every module of the package that a module imports, anywhere in its text."""

    def known(dotted: str) -> str | None:
        """The longest known module that the dotted name starts with."""
        if dotted != PACKAGE and not dotted.startswith(f"{PACKAGE}."):
            return None
        below = dotted.removeprefix(PACKAGE).removeprefix(".")
        while below and below not in modules:
            below = below.rpartition(".")[0]
        return below

    is_package = path.name == "__init__.py"
    here = full(name).split(".")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))):
        targets: list[str] = []
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            # level 1 is the package that the module lies in.
            base = here[: len(here) - node.level + is_package] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            targets = [f"{source}.{alias.name}" for alias in node.names]
        for target in targets:
            found = known(target)
            if found is not None and found != name:
                yield getattr(node, "lineno", 0), found


def full(name: str) -> str:
    """The dotted name of a module of the package."""
    return f"{PACKAGE}.{name}".rstrip(".")


def floor_of(package: str) -> int | None:
    """The floor that a package or a module at the top stands on."""
    return next((number for number, floor in enumerate(FLOORS) if package in floor), None)


def broken_floors(root: Path) -> list[str]:
    """Every import that goes up, or sideways, or to the data."""
    modules = parts_of(root)
    complaints = []
    for name, path in modules.items():
        own = name.partition(".")[0]
        mine = floor_of(own)
        if mine is None and own != APART:
            complaints.append(f"{name}: {own!r} has no floor; give it one in FLOORS")
            continue
        for line, imported in imports_of(name, path, modules):
            other = imported.partition(".")[0]
            if other == own and own:
                continue
            where = f"{full(name)}, line {line}: imports {full(imported)}"
            if other == APART:
                if own not in USERS_OF_DATA:
                    complaints.append(f"{where}, but only {sorted(USERS_OF_DATA)} may use the data")
            elif own == APART:
                if other not in GROUND:
                    complaints.append(f"{where}, but the data stand apart")
            elif own in GROUND and other in GROUND:
                continue
            else:
                theirs = floor_of(other)
                if theirs is not None and mine is not None and theirs >= mine:
                    complaints.append(f"{where}, which is no lower floor")
    return complaints


def circle(root: Path) -> list[str]:
    """Modules that import each other in a circle, or an empty list."""
    modules = parts_of(root)
    graph = {name: {other for _, other in imports_of(name, path, modules)} for name, path in modules.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [full(name) for name in error.args[1]]
    return []


def without_test(root: Path) -> list[str]:
    """Modules whose test file is missing: solvers/kmeans.py is tested by tests/solvers/test_kmeans.py."""
    missing = []
    for name, path in parts_of(root).items():
        if path.name == "__init__.py":
            continue
        *folders, last = name.split(".")
        mirror = Path("tests", *folders, f"test_{last.strip('_')}.py")
        expected = TESTED_BY.get(name, mirror.as_posix())
        if not (root / expected).exists():
            missing.append(f"{name} has no {expected}")
    return missing


def too_long(root: Path) -> list[str]:
    """Python files of more lines than one reads at a sitting."""
    found = []
    for folder in ("src", "tests", "book"):
        for path in sorted((root / folder).rglob("*.py")):
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > LONGEST:
                found.append(f"{path.relative_to(root).as_posix()} has {lines} lines")
    return found


class TestTheHouse:
    def test_floors(self) -> None:
        found = broken_floors(ROOT)
        assert not found, "\n".join(found)

    def test_no_circles(self) -> None:
        found = circle(ROOT)
        assert not found, "\n".join(found)

    def test_each_module_has_its_test_file(self) -> None:
        found = without_test(ROOT)
        assert not found, "\n".join(found)

    def test_what_is_tested_elsewhere_exists_and_has_no_file_of_its_own(self) -> None:
        modules = parts_of(ROOT)
        for name, elsewhere in TESTED_BY.items():
            assert name in modules, f"TESTED_BY lists {name}, which is gone"
            own = f"test_{name.rpartition('.')[2].strip('_')}.py"
            assert Path(elsewhere).name != own, f"TESTED_BY lists {name}, whose test file is its own"

    def test_files_are_short(self) -> None:
        found = too_long(ROOT)
        assert not found, "\n".join(found)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A small house in order."""
    plant(tmp_path, "__init__.py", "from fairclust.welfare import Rawlsian")
    plant(tmp_path, "groups.py", "import numpy")
    plant(tmp_path, "_estimator.py", "from fairclust.groups import Groups")
    plant(tmp_path, "metrics/__init__.py", "from fairclust.metrics.social import social_cost")
    plant(tmp_path, "metrics/social.py", "from fairclust import groups")
    plant(tmp_path, "solvers/__init__.py", "")
    plant(tmp_path, "solvers/kmeans.py", "from ..groups import Groups")
    plant(tmp_path, "welfare/__init__.py", "from fairclust.solvers.kmeans import fit\nimport fairclust.metrics.social")
    plant(tmp_path, "radii/__init__.py", "def f():\n    from fairclust._estimator import Base")
    plant(tmp_path, "datasets/__init__.py", "from fairclust.groups import Groups")
    plant(tmp_path, "experiments/__init__.py", "from fairclust import datasets, __version__")
    return tmp_path


def plant(root: Path, name: str, text: str) -> None:
    """Write a module, and its test file."""
    path = root / "src" / PACKAGE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    mirror = root / "tests" / Path(name).parent / f"test_{path.stem.lstrip('_')}.py"
    mirror.parent.mkdir(parents=True, exist_ok=True)
    mirror.write_text("", encoding="utf-8")


class TestTheChecker:
    def test_a_house_in_order(self, house: Path) -> None:
        assert broken_floors(house) == []
        assert circle(house) == []
        assert without_test(house) == []
        assert too_long(house) == []

    @pytest.mark.parametrize(
        ("module", "text", "complaint"),
        [
            ("solvers/up.py", "from fairclust.welfare import Rawlsian", "no lower floor"),
            ("solvers/up.py", "def f():\n    import fairclust.welfare", "no lower floor"),
            ("solvers/up.py", "if TYPE_CHECKING:\n    from fairclust import welfare", "no lower floor"),
            ("solvers/up.py", "from ..welfare import Rawlsian", "no lower floor"),
            ("solvers/side.py", "from fairclust.metrics import social_cost", "no lower floor"),
            ("radii/side.py", "from fairclust.welfare import Rawlsian", "no lower floor"),
            ("radii/side.py", "import fairclust.welfare as w", "no lower floor"),
            ("metrics/facade.py", "from fairclust import Rawlsian", "no lower floor"),
            ("groups.py", "from fairclust.metrics import social_cost", "no lower floor"),
            ("welfare/data.py", "from fairclust.datasets import load_adult", "may use the data"),
            ("claims/data.py", "import fairclust.datasets", "may use the data"),
            ("datasets/use.py", "from fairclust.metrics import balance", "stand apart"),
            ("attic/new.py", "", "no floor"),
        ],
    )
    def test_a_broken_floor_is_found(self, house: Path, module: str, text: str, complaint: str) -> None:
        plant(house, module, text)
        (found,) = broken_floors(house)
        assert complaint in found
        assert module.removesuffix(".py").replace("/", ".") in found

    def test_a_circle_is_found_even_inside_functions(self, house: Path) -> None:
        plant(house, "solvers/one.py", "from fairclust.solvers.two import b")
        plant(house, "solvers/two.py", "def f():\n    from fairclust.solvers.one import a")
        assert broken_floors(house) == []
        assert set(circle(house)) == {"fairclust.solvers.one", "fairclust.solvers.two"}

    def test_a_module_that_imports_from_its_own_package_is_a_circle(self, house: Path) -> None:
        plant(house, "metrics/social.py", "from fairclust.metrics import balance")
        assert set(circle(house)) == {"fairclust.metrics", "fairclust.metrics.social"}

    def test_a_missing_test_file_is_found(self, house: Path) -> None:
        (house / "tests" / "solvers" / "test_kmeans.py").unlink()
        assert without_test(house) == ["solvers.kmeans has no tests/solvers/test_kmeans.py"]

    def test_a_long_file_is_found(self, house: Path) -> None:
        plant(house, "solvers/long.py", "\n".join(["x = 1"] * (LONGEST + 1)))
        assert too_long(house) == [f"src/fairclust/solvers/long.py has {LONGEST + 1} lines"]

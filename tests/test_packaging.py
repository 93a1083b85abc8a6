"""What a reader installs: pyproject.toml, the lock, the conda environment and the citation agree."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from cffconvert import Citation
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from rattler import MatchSpec
from rattler.exceptions import InvalidMatchSpecError

import fairclust

ROOT = Path(__file__).parents[1]

#: Packages that conda-forge calls something else. matplotlib there brings a graphical toolkit; its base does not.
CONDA_NAMES = {"matplotlib": "matplotlib-base"}

#: Bytes. The largest table of results, every method, weight, k and seed of Figure 3, has 1.2 million.
LARGEST = 1_500_000


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="module")
def declared(project: dict[str, Any]) -> dict[str, SpecifierSet]:
    """Every requirement of pyproject.toml, the extras included, by canonical name."""
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    requirements = [Requirement(line) for line in lines]
    return {canonicalize_name(one.name): one.specifier for one in requirements if one.name != "fairclust"}


@pytest.fixture(scope="module")
def lock() -> list[str]:
    return (ROOT / "requirements.lock").read_text("utf-8").splitlines()


@pytest.fixture(scope="module")
def environment() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))


@pytest.fixture(scope="module")
def conda(environment: dict[str, Any]) -> list[str]:
    return [entry for entry in environment["dependencies"] if isinstance(entry, str)]


@pytest.fixture(scope="module")
def pip(environment: dict[str, Any]) -> list[str]:
    (entry,) = [entry for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert list(entry) == ["pip"]
    return entry["pip"]


@pytest.fixture(scope="module")
def files() -> list[Path]:
    """What is committed, or is about to be; outside git, everything but what is built and installed."""
    if (ROOT / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listing = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
        paths = [ROOT / os.fsdecode(name) for name in listing.split(b"\0") if name]
    else:
        built = {".venv", "_build", "__pycache__"}
        paths = [path for path in ROOT.rglob("*") if not built & set(path.relative_to(ROOT).parts)]
        paths = [path for path in paths if not any(part.endswith("_cache") for part in path.parts)]
    return [path for path in paths if path.is_file()]


class TestLock:
    def test_holds_names_and_versions_only(self, lock: list[str]) -> None:
        """No host, no address, no option: it installs from whatever registry the reader uses."""
        for line in lock:
            assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*==[0-9][0-9a-z.+!]*( ; .+)?", line), line
            assert "://" not in line

    def test_satisfies_every_requirement(self, lock: list[str], declared: dict[str, SpecifierSet]) -> None:
        locked: dict[str, list[str]] = {}
        for line in lock:
            requirement = Requirement(line)
            (version,) = requirement.specifier
            locked.setdefault(canonicalize_name(requirement.name), []).append(version.version)
        for name, specifier in declared.items():
            assert name in locked, f"{name} is in pyproject.toml but not in requirements.lock; run `make lock`"
            for version in locked[name]:
                assert version in specifier, f"requirements.lock has {name} {version}, pyproject.toml wants {specifier}"


class TestCondaEnvironment:
    def test_has_a_name_and_one_channel(self, environment: dict[str, Any]) -> None:
        assert environment["name"] == "fairclust"
        assert environment["channels"] == ["conda-forge", "nodefaults"]

    def test_every_entry_is_a_strict_match_spec(self, conda: list[str]) -> None:
        for entry in conda:
            spec = MatchSpec(entry, strict=True)
            assert spec.name is not None
            assert spec.build is None

    def test_the_parser_is_strict(self) -> None:
        """A lenient one takes the second bound, which lacks its comma, for the name of a build."""
        with pytest.raises(InvalidMatchSpecError, match="build string"):
            MatchSpec("numpy >=2.0 <3", strict=True)

    def test_holds_what_pyproject_declares_and_nothing_else(
        self, conda: list[str], pip: list[str], declared: dict[str, SpecifierSet], project: dict[str, Any]
    ) -> None:
        original = {renamed: name for name, renamed in CONDA_NAMES.items()}
        found: dict[str, SpecifierSet] = {}
        for entry in conda:
            name, _, version = entry.partition(" ")
            found[canonicalize_name(original.get(name, name))] = SpecifierSet(version)
        assert found.pop("python") == SpecifierSet(project["requires-python"])
        assert found.pop("pip") == SpecifierSet()
        for entry in pip:
            if entry == "-e .":
                continue
            requirement = Requirement(entry)
            assert canonicalize_name(requirement.name) not in found, f"{entry} comes from conda and from pip"
            found[canonicalize_name(requirement.name)] = requirement.specifier
        assert found == declared

    def test_installs_the_package_itself(self, pip: list[str]) -> None:
        assert pip[-1] == "-e ."


class TestVersions:
    def test_agree(self, project: dict[str, Any]) -> None:
        citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
        assert fairclust.__version__ == project["version"] == str(citation["version"])

    def test_the_installed_package_is_this_checkout(self, project: dict[str, Any]) -> None:
        """After a new version: `make env` again."""
        assert metadata.version("fairclust") == project["version"]
        assert Path(fairclust.__file__).resolve().is_relative_to((ROOT / "src").resolve())

    def test_the_changelog_has_an_entry(self, project: dict[str, Any]) -> None:
        assert project["version"] in (ROOT / "CHANGELOG.md").read_text("utf-8")


class TestCitation:
    def test_is_valid(self) -> None:
        Citation((ROOT / "CITATION.cff").read_text("utf-8")).validate()

    def test_becomes_bibtex(self) -> None:
        bibtex = Citation((ROOT / "CITATION.cff").read_text("utf-8")).as_bibtex()
        assert "fairclust" in bibtex

    def test_names_the_licence_of_the_package(self, project: dict[str, Any]) -> None:
        citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
        assert citation["license"] == project["license"]


class TestReadme:
    @pytest.mark.parametrize("command", ["make book", "make test"])
    def test_names_the_two_commands(self, command: str) -> None:
        assert command in (ROOT / "README.md").read_text("utf-8")

    @pytest.mark.parametrize("target", ["env", "book", "test", "reproduce", "clean"])
    def test_the_makefile_has_the_targets(self, target: str) -> None:
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


class TestEntryPoint:
    def test_the_command_exists(self, project: dict[str, Any]) -> None:
        module, _, function = project["scripts"]["fairclust"].partition(":")
        assert callable(getattr(importlib.import_module(module), function))


class TestRepository:
    def test_there_are_files(self, files: list[Path]) -> None:
        assert ROOT / "pyproject.toml" in files

    def test_no_notebook(self, files: list[Path]) -> None:
        """Chapters are text; a notebook holds outputs that nobody checked."""
        assert [path for path in files if path.suffix == ".ipynb"] == []

    def test_no_large_file(self, files: list[Path]) -> None:
        assert [path.name for path in files if path.stat().st_size > LARGEST] == []

    def test_no_path_of_somebodys_machine(self, files: list[Path]) -> None:
        # A slash that begins a word, a top folder that no other machine has, a name in it. /home/me is nobody's.
        patterns = [rb"(?<![\w.~/:-])/(?:work|root|Users)/[A-Za-z0-9_.]", rb"[A-Z]:\\\\?Users\\"]
        patterns += [re.escape(os.fsencode(place)) for place in (ROOT, Path.home()) if len(place.parts) > 2]
        machine = re.compile(b"|".join(patterns))
        found = []
        for path in files:
            data = path.read_bytes()
            if b"\0" not in data[:4096]:
                found += [f"{path.relative_to(ROOT)}: {match[:60]!r}" for match in machine.findall(data)]
        assert found == []

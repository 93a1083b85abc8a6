from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from fairclust.experiments import registry
from fairclust.experiments.registry import all_experiments, find_experiment

SOURCE = """
from fairclust.experiments.runner import experiment

@experiment("{name}", paper="{paper}", title="Title", grid=lambda quick: [{{"x": 1}}])
def {function}(*, x):
    return [{{"y": x}}]
"""


def test_the_papers_experiments_are_found() -> None:
    found = all_experiments()
    assert {"antidote", "welfare", "radii"} <= {item.paper for item in found.values()}
    assert list(all_experiments("radii").values()) == [item for item in found.values() if item.paper == "radii"]
    for name, item in found.items():
        assert find_experiment(name) is item
        for quick in (True, False):
            assert item.cells(quick)  # raises if a grid does not fit its function
        assert item.title
        assert item.__doc__


def test_modules_and_packages_are_read_missing_ones_passed_over(
    monkeypatch: pytest.MonkeyPatch, module: Callable[[str, str], ModuleType]
) -> None:
    module("lab_one", SOURCE.format(name="one", paper="welfare", function="one") + "\nagain = one\n")
    module("lab_two.__init__", SOURCE.format(name="two", paper="radii", function="two"))
    module("lab_two.inner", "from lab_one import one\n" + SOURCE.format(name="three", paper="radii", function="three"))
    monkeypatch.setattr(registry, "PLACES", ("lab_two", "lab_missing", "lab_one"))
    assert list(all_experiments()) == ["two", "three", "one"]
    assert list(all_experiments("radii")) == ["two", "three"]
    with pytest.raises(KeyError, match="no experiment is called 'four'; there are one, three, two"):
        find_experiment("four")


def test_two_of_one_name_are_an_error(
    monkeypatch: pytest.MonkeyPatch, module: Callable[[str, str], ModuleType]
) -> None:
    module("lab_one", SOURCE.format(name="same", paper="welfare", function="one"))
    module("lab_two", SOURCE.format(name="same", paper="welfare", function="two"))
    monkeypatch.setattr(registry, "PLACES", ("lab_one", "lab_two"))
    with pytest.raises(ValueError, match="two experiments are called 'same': in lab_one and in lab_two"):
        all_experiments()


def test_an_error_in_a_module_is_not_hidden(
    monkeypatch: pytest.MonkeyPatch, module: Callable[[str, str], ModuleType]
) -> None:
    module("lab_one", "")
    monkeypatch.setattr(registry, "PLACES", ("lab_one",))
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        module("lab_one", "import no_such_module")
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        all_experiments()

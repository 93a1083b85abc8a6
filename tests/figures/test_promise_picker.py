"""The map of the chapter on fair radii works without a script, and all that it says is what the library computes."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from fairclust.distances import nearest_centers
from fairclust.figures.promise_picker import promise_picker
from fairclust.metrics import fair_radii, radius_violation

POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [4.0, 0.0], [5.0, 0.0], [4.0, 3.0], [4.0, 3.0]])
RADII = fair_radii(POINTS, 3)
SOLUTIONS = {"near <all>": POINTS[[0, 3, 5]], "far": np.array([[9.0, 9.0], [-2.0, 0.5]])}


class Elements(HTMLParser):
    """Tags with their attributes, and the text of table cells."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self._open):
            self.cells[-1] += data

    def of(self, tag: str, css: str = "") -> list[dict[str, str | None]]:
        return [at for name, at in self.tags if name == tag and (not css or css in (at.get("class") or "").split())]


def data_of(html: str) -> dict[str, Any]:
    found = re.search(r"data = (\{.*\});", html)
    assert found is not None
    return json.loads(found.group(1))


class TestPromisePicker:
    def test_the_default_person_is_readable_without_a_script(self) -> None:
        html = promise_picker(POINTS, RADII, SOLUTIONS, person=5).html
        page = Elements(html)
        (person,) = page.of("circle", "fc-you")
        data = data_of(html)
        assert [float(person["cx"] or 0), float(person["cy"] or 0)] == data["people"][5]
        assert f"Person 5: the ball of radius {RADII[5]:.2f} holds {len(data['near'][5]) - 1} others." in html
        away = nearest_centers(POINTS, SOLUTIONS["far"])[1][5]
        assert page.cells[:4] == ["method", "distance to its center", "violation", "promise"]
        assert [cell.strip() for cell in page.cells[4:8]] == ["near <all>", "0.00", "0.000", "kept"]
        assert [cell.strip() for cell in page.cells[8:]] == ["far", f"{away:.2f}", f"{away / RADII[5]:.3f}", "broken"]
        # What only a script can move is not shown before the script shows it.
        paragraphs = [at for at in page.of("p") if "hidden" in at]
        assert len(paragraphs) == 1
        assert all("hidden" in at for at in page.of("input") if at["type"] == "radio")

    def test_every_person_and_method_is_what_the_library_computes(self) -> None:
        data = data_of(promise_picker(POINTS, RADII, SOLUTIONS).html)
        for m, centers in enumerate(SOLUTIONS.values()):
            labels, distances = nearest_centers(POINTS, centers)
            theta = radius_violation(POINTS, centers, RADII)
            for i in range(len(POINTS)):
                label, distance, violation, kept = data["each"][i][m]
                assert (label, distance, violation) == (labels[i], f"{distances[i]:.2f}", f"{theta[i]:.3f}")
                assert bool(kept) == (distances[i] <= RADII[i])
        sizes = [len(near) for near in data["near"]]
        assert min(sizes) >= len(POINTS) // 3 + 1  # the ball holds floor(n/k) others and the person
        assert all(i in near for i, near in enumerate(data["near"]))

    def test_balls_are_round_and_as_large_as_they_are_on_the_map(self) -> None:
        data = data_of(promise_picker(POINTS, RADII, SOLUTIONS).html)
        places, near = np.array(data["people"]), data["near"]
        for i, reach in enumerate(data["reach"]):
            away = np.linalg.norm(places - places[i], axis=1)
            # Positions are rounded to a tenth.
            assert away[near[i]].max() == pytest.approx(reach, abs=0.3)

    def test_a_broken_promise_is_dashed_and_a_kept_one_is_not(self) -> None:
        kept, broken = (promise_picker(POINTS, RADII, {"only": SOLUTIONS[name]}).html for name in ("near <all>", "far"))
        assert [at["class"] for at in Elements(kept).of("g", "fc-drawn")] == ["fc-drawn"]
        assert [at["class"] for at in Elements(broken).of("g", "fc-drawn")] == ["fc-drawn fc-broken"]
        assert re.search(r"\.fc-broken [^}]*stroke-dasharray", broken)

    def test_radii_of_zero(self) -> None:
        data = data_of(promise_picker(POINTS, np.zeros(7), {"one": POINTS[[0]]}).html)
        assert data["each"][0][0][1:] == ["0.00", "none", 1]
        assert data["each"][1][0][1:] == ["1.00", "infinite", 0]

    def test_keyboard_and_screen_reader(self) -> None:
        page = Elements(promise_picker(POINTS, RADII, SOLUTIONS).html)
        (svg_tag,) = page.of("svg")
        assert svg_tag["role"] == "img"
        assert len(svg_tag["aria-label"] or "") > 40
        kinds = [at["type"] for at in page.of("input")]
        assert kinds == ["range", "radio", "radio"]  # both kinds take the arrow keys
        assert len(page.of("label")) == len(kinds)
        assert {at.get("scope") for at in page.of("th")} == {"col", "row"}
        assert [at.get("aria-live") for at in page.of("p", "fc-says")] == ["polite"]

    def test_it_fetches_nothing_and_takes_the_pages_ink(self) -> None:
        html = promise_picker(POINTS, RADII, SOLUTIONS).html
        assert "//" not in html
        assert "currentColor" in html
        assert not re.search(r"(?<![\w-])(black|white|#000|#fff)\b", html)

    def test_names_are_escaped(self) -> None:
        html = promise_picker(POINTS, RADII, {"</script><b>": POINTS[[0]]}).html
        assert "</script><b>" not in html
        assert html.count("</script>") == 1

    def test_same_input_same_text_and_another_input_another_name(self) -> None:
        first, again = (promise_picker(POINTS, RADII, SOLUTIONS) for _ in range(2))
        assert first == again
        assert first._repr_html_() == first.html
        assert repr(first).startswith("OfflineFigure(")
        ids = [
            Elements(promise_picker(POINTS, scale * RADII, SOLUTIONS).html).of("div")[0]["id"] for scale in (1.0, 2.0)
        ]
        assert ids[0] != ids[1]

    def test_two_hundred_people_and_five_methods_stay_small(self) -> None:
        X = np.random.default_rng(0).normal(size=(200, 2))
        methods = {str(m): X[m : m + 8] for m in range(5)}
        assert len(promise_picker(X, fair_radii(X, 8), methods).html) < 150_000

    def test_all_people_at_one_place(self) -> None:
        data = data_of(promise_picker(np.ones((3, 2)), np.zeros(3), {"one": np.ones((1, 2))}).html)
        assert np.isfinite(data["people"]).all()

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"solutions": {}}, "solutions is empty"),
            ({"X": np.ones((7, 3))}, r"X must have 2 columns to be a map, got an array of shape \(7, 3\)"),
            ({"person": 7}, "person must be a row of X, 0 to 6, got 7"),
            ({"person": -1}, "person must be a row of X, 0 to 6, got -1"),
        ],
    )
    def test_bad_input(self, change: dict[str, Any], message: str) -> None:
        arguments: dict[str, Any] = {"X": POINTS, "radii": RADII, "solutions": SOLUTIONS} | change
        with pytest.raises(ValueError, match=message):
            promise_picker(**arguments)

import json
import math
import pickle
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.metrics import (
    FairnessReport,
    balance,
    disutility,
    fair_radii,
    max_violation,
    proportional_violation,
    radius_violation,
    rawlsian,
    social_cost,
    social_costs,
    utilitarian,
)

X = [[0.0], [2.0], [9.0], [11.0]]
LABELS, CENTERS, GROUPS = [0, 0, 1, 1], [[0.0], [10.0]], ["a", "a", "a", "b"]


def report(**keywords: object) -> FairnessReport:
    return FairnessReport(X, LABELS, CENTERS, GROUPS, **keywords)  # type: ignore[arg-type]


def test_hand_solved() -> None:
    # Costs 0, 4, 1 for a and 1 for b. Clusters: {a, a} and {a, b}; shares 3/4 and 1/4.
    table = report().by_group
    assert table.index.tolist() == ["a", "b"]
    assert table["size"].tolist() == [3, 1]
    assert table["share"].tolist() == [0.75, 0.25]
    assert table["mean_cost"].tolist() == table["social_cost"].tolist() == [5 / 3, 1.0]
    # R: cluster 0 has 3/4 and infinity, cluster 1 has 3/2 and 1/2.
    assert table["balance"].tolist() == pytest.approx([2 / 3, 0.0])
    # V^a = 2 (1 - 3/4) + 2 (3/4 - 1/2) = 1, V^b likewise.
    assert table["proportional_violation"].tolist() == pytest.approx([1 / 3, 1.0])
    assert table["disutility"].tolist() == pytest.approx([1.0, 1.0])
    overall = report().overall
    assert overall[["size", "share", "mean_cost", "social_cost", "balance"]].tolist() == [4, 1, 1.5, 1.5, 0]
    assert overall[["proportional_violation", "disutility"]].tolist() == pytest.approx([0.5, 1.0])
    difference, ratio = report().difference(), report().ratio()
    assert difference["social_cost"] == pytest.approx(2 / 3)
    assert ratio["social_cost"] == pytest.approx(3 / 5)
    assert difference["disutility"] == pytest.approx(0, abs=1e-15)
    assert ratio["disutility"] == pytest.approx(1)
    assert "size" not in difference.index
    assert report().difference("to_overall")["social_cost"] == pytest.approx(0.5)
    assert report().ratio("to_overall")["social_cost"] == pytest.approx(2 / 3)
    assert report().group_max()["social_cost"] == 5 / 3
    assert report().group_min()["social_cost"] == 1.0


@st.composite
def instances(draw: st.DrawFn) -> tuple:
    n, k, d, h = (draw(st.integers(1, high)) for high in (20, 5, 3, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    points = rng.integers(-4, 5, size=(n, d)).astype(float)
    return points, rng.integers(0, k, size=n), rng.normal(size=(k, d)), rng.integers(0, h, size=n), min(k, n)


@settings(deadline=None, max_examples=40)
@given(instances(), st.floats(0, 1), st.floats(0, 1), st.sampled_from([1, 2]))
def test_agrees_with_every_notion(instance: tuple, lam: float, slack: float, power: float) -> None:
    points, labels, centers, groups, k = instance
    radii = fair_radii(points, k)
    made = FairnessReport(points, labels, centers, groups, distance_weight=lam, slack=slack, power=power, radii=radii)
    weights = {"distance_weight": lam, "slack": slack, "power": power}
    theta = radius_violation(points, centers, radii)
    assert made.by_group["disutility"].equals(disutility(points, labels, centers, groups, **weights))
    assert made.by_group["social_cost"].equals(social_costs(points, centers, groups, power=power))
    assert made.by_group["proportional_violation"].equals(proportional_violation(labels, groups, slack=slack))
    assert made.balance == balance(labels, groups) == made.by_group["balance"].min()
    assert made.social_cost == social_cost(points, centers, groups, power=power)
    assert made.rawlsian == rawlsian(points, labels, centers, groups, **weights)
    assert made.utilitarian == pytest.approx(utilitarian(points, labels, centers, groups, **weights))
    assert made.objectives["max_radius_violation"] == max_violation(theta)
    # Everyone together: what one group would get, for the columns that are averages of persons.
    alone = FairnessReport(points, labels, centers, None, power=power)
    assert made.overall["mean_cost"] == pytest.approx(alone.overall["mean_cost"], rel=1e-12)
    assert made.overall["social_cost"] == pytest.approx(alone.overall["social_cost"], rel=1e-12)
    assert (made.difference().dropna() >= 0).all()
    assert made.ratio().dropna().between(0, 1).all()
    assert made.ratio("to_overall").dropna().between(0, 1).all()
    assert made.n_empty_clusters == len(centers) - len(set(labels.tolist()))
    json.dumps({str(key): value for key, value in made.to_dict().items() if key != "by_group"})


def test_radii() -> None:
    # Fair radii for k = 2: the second neighbour: 9, 7, 7, 9. Distances 0, 2, 1, 1.
    table = report(radii="fair").by_group
    assert table["mean_radius_violation"].tolist() == pytest.approx([(0 + 2 / 7 + 1 / 7) / 3, 1 / 9])
    assert table["max_radius_violation"].tolist() == pytest.approx([2 / 7, 1 / 9])
    assert report(radii=[9, 7, 7, 9]).by_group.equals(table)
    assert report(radii="fair").overall["max_radius_violation"] == pytest.approx(2 / 7)
    assert "mean_radius_violation" not in report().by_group
    assert "max_radius_violation" not in report().objectives


def test_zero_and_infinite_violations() -> None:
    zero = FairnessReport([[0.0], [0.0], [5.0]], [0, 0, 0], [[0.0]], ["a", "b", "c"], radii=[0.0, 1.0, 0.0])
    means = zero.by_group["mean_radius_violation"]
    assert math.isnan(means["a"])  # 0/0 only
    assert means["b"] == 0.0
    assert means["c"] == math.inf
    assert zero.difference()["mean_radius_violation"] == math.inf
    assert zero.ratio()["mean_radius_violation"] == 0.0
    both = FairnessReport([[5.0], [6.0]], [0, 0], [[0.0]], ["a", "b"], radii=[0.0, 0.0])
    assert both.difference()["max_radius_violation"] == 0.0
    assert both.ratio()["max_radius_violation"] == 1.0


def test_one_group_and_empty_clusters() -> None:
    made = FairnessReport(X, [0, 0, 3, 3], [[0.0], [50.0], [60.0], [10.0]])
    assert made.by_group.index.tolist() == ["all"]
    assert (made.n_clusters, made.n_empty_clusters) == (4, 2)
    assert made.balance == 1.0
    assert (made.difference() == 0).all()
    assert (made.ratio() == 1).all()
    assert (made.ratio("to_overall") == 1).all()
    assert str(made).startswith("FairnessReport: 4 rows, 1 group, 4 clusters (2 empty)")


def test_all_points_equal() -> None:
    made = FairnessReport(np.ones((4, 2)), [0, 0, 0, 0], [[1.0, 1.0]], list("aabb"), radii="fair")
    assert made.by_group["social_cost"].tolist() == [0.0, 0.0]
    assert made.by_group["max_radius_violation"].isna().all()
    assert made.objectives["max_radius_violation"] == 0.0
    assert made.ratio()["social_cost"] == 1.0
    assert math.isnan(made.ratio()["max_radius_violation"])
    assert "nan" in repr(made)


def test_text() -> None:
    lines = repr(report()).splitlines()
    assert lines[0] == "FairnessReport: 4 rows, 2 groups, 2 clusters (0 empty)"
    assert [line.split()[0] for line in lines[2:]] == ["a", "b", "overall", "difference", "ratio"]
    assert lines[2].split() == ["a", "3", "0.75", "1.667", "1.667", "0.6667", "0.3333", "1"]
    assert all(line == line.rstrip() for line in lines)


class Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_html_is_accessible_and_escaped() -> None:
    made = FairnessReport(X, LABELS, CENTERS, ["<b>", "<b>", "<b>", "x & y"])
    parser = Cells()
    parser.feed(made._repr_html_())
    assert not parser.open
    tags = [tag for tag, _ in parser.tags]
    assert tags.count("table") == tags.count("caption") == 1
    assert "b" not in tags
    assert {"<b>", "x & y"} <= set(parser.text)
    headers = [attributes["scope"] for tag, attributes in parser.tags if tag == "th"]
    assert headers.count("col") == 1 + len(made.by_group.columns)
    assert headers.count("row") == 5
    assert tags.count("td") == 5 * len(made.by_group.columns)


def test_frame_keeps_groups_apart_from_summaries() -> None:
    made = FairnessReport(X, LABELS, CENTERS, ["overall", "overall", "overall", "ratio"])
    frame = made.to_frame()
    assert frame["kind"].tolist() == ["group", "group", "overall", "difference", "ratio"]
    assert frame["group"].tolist() == ["overall", "ratio", None, None, None]
    assert frame["size"].tolist()[:3] == [3, 1, 4]
    assert frame["size"].isna().tolist() == [False, False, False, True, True]
    assert frame.columns.tolist()[2:] == made.by_group.columns.tolist()


def test_dict() -> None:
    found = report().to_dict()
    assert found["by_group"]["a"]["size"] == 3
    assert found["objectives"]["balance"] == 0.0
    assert found["n_clusters"] == 2
    assert json.loads(json.dumps(found)) == found


def test_labels_that_are_tuples() -> None:
    made = FairnessReport(X, LABELS, CENTERS, [("f", 1), ("f", 1), ("f", 1), ("m", 2)])
    assert made.by_group.index.tolist() == [("f", 1), ("m", 2)]
    assert made.to_frame()["group"].tolist() == [("f", 1), ("m", 2), None, None, None]
    assert "('f', 1)" in repr(made)
    assert made.to_dict()["by_group"]["f", 1]["size"] == 3


def test_it_is_small() -> None:
    points = np.random.default_rng(0).normal(size=(5_000, 3))
    made = FairnessReport(points, np.arange(5_000) % 4, points[:4], np.arange(5_000) % 3)
    assert len(pickle.dumps(made)) < 10_000
    assert pickle.loads(pickle.dumps(made)).by_group.equals(made.by_group)


def test_errors() -> None:
    with pytest.raises(ValueError, match="below the number of centers, 2; row 3 has 2"):
        FairnessReport(X, [0, 0, 1, 2], CENTERS, GROUPS)
    with pytest.raises(ValueError, match="sensitive_features has 3 entries but X has 4 rows"):
        FairnessReport(X, LABELS, CENTERS, GROUPS[:3])
    with pytest.raises(ValueError, match="radii must be None, 'fair' or one number per row, got 'unfair'"):
        report(radii="unfair")
    with pytest.raises(ValueError, match=r"radii has shape \(2,\)"):
        report(radii=[1.0, 2.0])
    with pytest.raises(ValueError, match="5 centers but only 4 rows"):
        FairnessReport(X, LABELS, np.zeros((5, 1)), GROUPS, radii="fair")
    with pytest.raises(ValueError, match="method must be 'between_groups' or 'to_overall', got 'worst'"):
        report().difference("worst")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="method must be"):
        report().ratio("worst")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="distance_weight"):
        report(distance_weight=2)

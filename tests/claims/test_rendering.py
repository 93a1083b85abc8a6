import xml.etree.ElementTree as ET

import numpy as np
import pytest

from fairclust.claims import Judged, Verdict, scorecard_frame, scorecard_html, scorecard_summary
from fairclust.claims.rendering import COLORS

ROWS = [
    Judged(
        "antidote.a", "antidote", "Table 1", "a < b & c.", Verdict.REPRODUCED, "1 < 2.", 1.0, 1.1, "fairclust x", 3.0
    ),
    Judged("antidote.b", "antidote", "Table 1", "It grows.", Verdict.NOT_REPRODUCED, "No.", 19.74, np.inf, "y", 300.0),
    Judged("radii.c", "radii", "Figure 5", "It matches.", Verdict.PARTLY, "Half.", None, 0.5, "z", 7200.0, "finding"),
    Judged("radii.d", "radii", "Figure 6", "It waits.", Verdict.NOT_RUN, "Later."),
]


def parsed():
    """The HTML as XML: it must be well formed, every tag closed, every text escaped."""
    return ET.fromstring(f"<page>{scorecard_html(ROWS).replace('<br>', '<br/>')}</page>")


def test_frame():
    frame = scorecard_frame(ROWS)
    assert frame.index.tolist() == ["antidote.a", "antidote.b", "radii.c", "radii.d"]
    assert frame["verdict"].tolist() == ["reproduced", "not reproduced", "partly", "not run"]
    assert frame["our_value"].tolist()[:3] == [1.1, np.inf, 0.5]
    assert np.isnan(frame.loc["radii.d", "our_value"])
    assert frame.loc["radii.c", "kind"] == "finding"


def test_frame_of_nothing_keeps_its_columns():
    frame = scorecard_frame([])
    assert len(frame) == 0
    assert {"verdict", "reason", "paper_value", "our_value"} <= set(frame.columns)


def test_summary_counts_every_claim_once():
    summary = scorecard_summary(ROWS)
    assert summary.loc["antidote"].to_dict() == {
        "reproduced": 1,
        "partly": 0,
        "not reproduced": 1,
        "not run": 0,
        "claims": 2,
    }
    assert summary.loc["welfare", "claims"] == 0
    assert summary.loc["all", "claims"] == len(ROWS)


def test_html_has_a_captioned_table_per_paper():
    captions = [caption.text for caption in parsed().iter("caption")]
    assert captions == [
        "antidote: 2 claims, 1 reproduced, 1 not reproduced",
        "radii: 2 claims, 1 partly, 1 not run",
    ]


def test_html_is_a_table_that_a_screen_reader_can_read():
    page = parsed()
    for table in page.iter("table"):
        assert all(cell.get("scope") == "col" for cell in table.find("thead").iter("th"))
        columns = len(list(table.find("thead").iter("th")))
        for row in table.find("tbody"):
            assert [cell.get("scope") for cell in row.iter("th")] == ["row"]
            assert len(list(row)) == columns
    for region in page.iter("div"):
        assert (region.get("role"), region.get("tabindex")) == ("region", "0")
        assert region.get("aria-label")


def test_every_verdict_is_a_word_and_a_color_and_failing_claims_stay():
    rows = {row.get("id"): row for row in parsed().iter("tr") if row.get("id")}
    assert list(rows) == [f"claim-{one.id}" for one in ROWS]
    for one in ROWS:
        badge = next(rows[f"claim-{one.id}"].iter("span"))
        assert badge.text == str(one.verdict)
        assert badge.get("class") == f"fc-badge fc-{one.verdict.replace(' ', '-')}"
        assert (
            f".fc-badge.fc-{one.verdict.replace(' ', '-')} {{ background: {COLORS[one.verdict]}; }}"
            in scorecard_html(ROWS)
        )


def test_html_escapes_what_it_shows():
    html = scorecard_html(ROWS)
    assert "a &lt; b &amp; c." in html
    text = "".join(parsed().itertext())
    for part in ("a < b & c.", "19.74", "infinity", "3.0 s", "5.0 min", "2.0 h", "Figure 5 (our question)"):
        assert part in text


def luminance(color):
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("verdict", list(Verdict))
def test_white_text_on_every_badge_has_enough_contrast(verdict):
    assert 1.05 / (luminance(COLORS[verdict]) + 0.05) >= 4.5
    if verdict is Verdict.NOT_REPRODUCED:
        red, green, blue = (int(COLORS[verdict][i : i + 2], 16) for i in (1, 3, 5))
        assert red > 3 * max(green, blue)

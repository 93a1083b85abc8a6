"""A figure in HTML: one div, an id that follows from what it shows, and data that cannot end its script."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.figures.offline import OfflineFigure, offline_figure

SCRIPT = "show(document.getElementById('ID'), DATA);"


def drawn(data: dict[str, Any], words: str = "") -> OfflineFigure:
    return offline_figure(
        "fc-test", data, lambda key: f'<p id="{key}-p">one</p>', style=".fc-test p {}", script=SCRIPT, words=words
    )


def key_of(figure: OfflineFigure) -> str:
    found = re.match(r'<div class="fc-test" id="(fc-test-[0-9a-f]{10})">\n', figure.html)
    assert found is not None
    return found.group(1)


def test_parts_stand_in_order_and_share_one_id() -> None:
    figure = drawn({"n": [1, 2]})
    key = key_of(figure)
    assert figure.html.split("\n")[1:] == [
        "<style>.fc-test p {}</style>",
        f'<p id="{key}-p">one</p>',
        f"<script>show(document.getElementById('{key}'), {{\"n\":[1,2]}});</script>",
        "</div>",
    ]


def test_a_notebook_shows_the_html_and_a_terminal_its_size() -> None:
    figure = OfflineFigure("<div></div>")
    assert figure._repr_html_() == figure.html == "<div></div>"
    assert repr(figure) == "OfflineFigure(11 characters of HTML)"


def test_same_input_same_text_and_another_input_another_id() -> None:
    assert drawn({"n": 1}) == drawn({"n": 1})
    ids = {key_of(drawn({"n": 1})), key_of(drawn({"n": 2})), key_of(drawn({"n": 1}, "names"))}
    assert len(ids) == 3


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet=st.sampled_from(list("</script>!-ID DATA\"'\\")), max_size=40))
def test_any_text_comes_through_and_ends_no_script(said: str) -> None:
    html = drawn({"said": said}).html
    assert html.count("</script>") == 1
    found = re.search(r"'\), (\{.*\})\);</script>", html)
    assert found is not None
    assert json.loads(found.group(1)) == {"said": said}


def test_what_is_no_json() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        drawn({"n": {1, 2}})

"""Figures in HTML that readers can work with: they need no kernel and fetch nothing, so a stored book keeps them alive.

Everything that such a figure says or draws is computed in Python beforehand and travels in it as JSON. What it shows
first stands there as plain HTML, readable where no script runs; its script only puts other numbers in their place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["OfflineFigure", "offline_figure"]


@dataclass(frozen=True)
class OfflineFigure:
    """A figure in HTML that a notebook shows and the book stores; it needs no kernel and fetches nothing.

    Attributes
    ----------
    html : str
        One ``div`` with its style, its content and its script.

    Examples
    --------
    >>> from fairclust.figures.offline import OfflineFigure
    >>> OfflineFigure("<div>one</div>")
    OfflineFigure(14 characters of HTML)
    """

    html: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return f"OfflineFigure({len(self.html)} characters of HTML)"


def offline_figure(
    kind: str, data: Mapping[str, Any], body: Callable[[str], str], *, style: str, script: str, words: str = ""
) -> OfflineFigure:
    """Put a figure together from its data, its content before any script runs, its style and its script.

    Parameters
    ----------
    kind : str
        Class of the ``div`` and beginning of its id, for example ``"fc-picker"``.
    data : mapping
        What the script may show, as JSON takes it.
    body : callable
        Given the id, returns the content: HTML in which whatever came from outside is escaped already.
    style : str
        CSS whose every rule begins with the class ``kind``.
    script : str
        JavaScript in which ``ID`` stands for the id and ``DATA`` for the data.
    words : str
        What the figure shows beside ``data``. Two figures on one page that differ in either have different ids.

    Returns
    -------
    OfflineFigure
        The same text for the same input.

    Examples
    --------
    >>> from fairclust.figures.offline import offline_figure
    >>> said = offline_figure("fc-x", {"n": 2}, lambda key: "<p>2</p>", style=".fc-x p {}", script="f('ID', DATA)")
    >>> print(said.html)
    <div class="fc-x" id="fc-x-363379742f">
    <style>.fc-x p {}</style>
    <p>2</p>
    <script>f('fc-x-363379742f', {"n":2})</script>
    </div>
    """
    text = json.dumps(data, separators=(",", ":"))
    key = f"{kind}-{hashlib.sha256((text + words).encode()).hexdigest()[:10]}"
    # The data last, since they may hold any text; and no text in them ends the script.
    script = script.replace("ID", key).replace("DATA", text.replace("</", "<\\/"))
    return OfflineFigure(
        f'<div class="{kind}" id="{key}">\n<style>{style}</style>\n{body(key)}\n<script>{script}</script>\n</div>'
    )

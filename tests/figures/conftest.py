"""Every figure is drawn in the book's style, and a warning is an error: in the book it would stop the build."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator

import matplotlib as mpl

mpl.use("Agg")

import pytest
from matplotlib.figure import Figure

from fairclust.figures import use_style


@pytest.fixture(autouse=True)
def book_style() -> Iterator[None]:
    """The book's style, warnings as errors, and afterwards the settings as they were."""
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("error")
        use_style()
        yield


@pytest.fixture
def svg() -> Callable[[Figure], bytes]:
    """What the book stores of a figure."""

    def stored(figure: Figure) -> bytes:
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
        return buffer.getvalue()

    return stored

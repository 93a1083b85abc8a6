"""Sphinx extension: the built book asks the network for nothing.

A default page fetches MathJax from a content network. Here MathJax is copied from the installed package
``sphinx-mathjax-offline`` into the built book, and after the build every page and style sheet is searched for
resources with a remote address. One is a warning, and in a strict build a warning is an error.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sphinx.errors import ExtensionError
from sphinx.util import logging

if TYPE_CHECKING:
    from sphinx.application import Sphinx

logger = logging.getLogger(__name__)

#: 1.6 of the package's 24 MB: TeX in, HTML with web fonts out, and the macros that TeX input loads when first used.
MATHJAX_FILES = (
    "tex-chtml.js",
    "output/chtml/fonts/woff-v2/*.woff",
    "input/tex/extensions/boldsymbol.js",
    "input/tex/extensions/cancel.js",
    "input/tex/extensions/color.js",
    "input/tex/extensions/enclose.js",
)

#: Tags whose attribute makes a browser fetch something. ``link`` does so only for these relations.
FETCHED = {
    "script": ("src",),
    "img": ("src", "srcset"),
    "source": ("src", "srcset"),
    "iframe": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "video": ("src", "poster"),
    "audio": ("src",),
    "input": ("src",),
    "image": ("href", "xlink:href"),
    "use": ("href", "xlink:href"),
    "link": ("href",),
}
FETCHED_RELATIONS = {
    "stylesheet",
    "icon",
    "shortcut",
    "apple-touch-icon",
    "manifest",
    "preload",
    "prefetch",
    "modulepreload",
    "preconnect",
    "dns-prefetch",
}
REMOTE = re.compile(r"^\s*(?:https?:)?//", re.IGNORECASE)
REMOTE_IN_CSS = re.compile(r"""(?:url\(\s*|@import\s+)["']?((?:https?:)?//[^"')\s]+)""", re.IGNORECASE)


class _Resources(HTMLParser):
    """Collects the remote addresses that a page makes a browser fetch."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.remote: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self._in_style = tag == "style"
        self.remote += REMOTE_IN_CSS.findall(values.get("style", ""))
        if tag == "link" and not FETCHED_RELATIONS & set(values.get("rel", "").lower().split()):
            return
        for name in FETCHED.get(tag, ()):
            value = values.get(name, "")
            # Only a srcset is a list; a data address has commas of its own.
            addresses = value.split(",") if name == "srcset" else [value]
            self.remote += [address.strip() for address in addresses if REMOTE.match(address)]

    def handle_endtag(self, tag: str) -> None:
        if tag == "style":
            self._in_style = False

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.remote += REMOTE_IN_CSS.findall(data)


def remote_resources(built: Path) -> Iterator[tuple[Path, str]]:
    """Every (file, address) of the built book that would send a browser to another machine."""
    for path in sorted(built.rglob("*.html")):
        page = _Resources()
        page.feed(path.read_text(encoding="utf-8"))
        page.close()
        yield from ((path, address) for address in page.remote)
    for path in sorted(built.rglob("*.css")):
        yield from ((path, address) for address in REMOTE_IN_CSS.findall(path.read_text(encoding="utf-8")))


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    """Put MathJax where ``mathjax_path`` points."""
    if exception is not None or app.builder.format != "html":
        return
    spec = util.find_spec("sphinx-mathjax-offline")
    if spec is None or spec.origin is None:
        raise ExtensionError("the package sphinx-mathjax-offline is not installed; `make env` installs it")
    source = Path(spec.origin).parent / "static" / "mathjax"
    target = Path(app.outdir) / "_static" / "mathjax"
    for pattern in MATHJAX_FILES:
        files = sorted(source.glob(pattern))
        if not files:
            raise ExtensionError(f"sphinx-mathjax-offline has no {pattern} in {source}")
        for path in files:
            copy = target / path.relative_to(source)
            if not copy.exists() or copy.stat().st_size != path.stat().st_size:
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)


def finish_first_page(app: Sphinx, exception: Exception | None) -> None:
    """Give the redirection at the top of the book its icon, or a browser asks for a favicon.ico that is not there."""
    page = Path(app.outdir) / "index.html"
    icon = f'<link rel="icon" href="_static/{Path(app.config.html_favicon or "").name}">'
    if exception is None and app.builder.format == "html" and app.config.html_favicon and page.exists():
        text = page.read_text(encoding="utf-8")
        if "http-equiv" in text and icon not in text:
            page.write_text(text.replace("<meta http-equiv", f"{icon}\n<meta http-equiv", 1), encoding="utf-8")


def check_nothing_remote(app: Sphinx, exception: Exception | None) -> None:
    """Warn of each resource that is not part of the book."""
    if exception is None and app.builder.format == "html":
        for path, address in remote_resources(Path(app.outdir)):
            logger.warning("%s would fetch %s: the book is to be read offline", path.name, address)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    # Jupyter Book sets this value of sphinx_comments, which the book does not load; unknown, it would be a warning.
    app.add_config_value("comments_config", {}, "html", types=(dict,))
    app.connect("build-finished", copy_mathjax)
    app.connect("build-finished", finish_first_page)
    app.connect("build-finished", check_nothing_remote)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

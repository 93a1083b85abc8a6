"""Sphinx extension: what the API page needs beyond autodoc and napoleon.

* A reference to a Python object must name something that exists. Sphinx alone accepts only what some page documents,
  which rules out ``numpy.ndarray`` and a function's own private neighbours. Here an object that Sphinx does not know
  is imported: if it is documented under another name the reference links there, if it merely exists the name stays
  plain code, and if it does not exist the strict build fails.
* References of the form ``[1]_`` are numbered per docstring, and a page with two docstrings would have two ``[1]``.
* ``set_fit_request`` and its like come from scikit-learn's metadata routing and are not the library's to document.
* A package's entry begins with the table of its ``__all__``, which therefore never lags behind.
"""

from __future__ import annotations

import builtins
import importlib
import inspect
import re
import sys
from typing import TYPE_CHECKING, Any, ClassVar

from docutils.statemachine import StringList
from sphinx.ext.autosummary import Autosummary
from sphinx.util.nodes import make_refnode

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

FOOTNOTE = re.compile(r"^(\s*)\.\.\s+\[(\w+)\](?=\s)", re.MULTILINE)
ROUTING = re.compile(r"set_\w+_request$")
DOCSTRING = re.compile(r"docstring of ([\w.]+)")
MISSING = object()


def find_object(name: str) -> Any:
    """The object with that dotted name, importing as much of it as is a module, or MISSING."""
    parts = name.split(".")
    for stop in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:stop]))
        except ImportError:
            continue
        for position, part in enumerate(parts[stop:], start=stop):
            owner, found = found, getattr(found, part, MISSING)
            if found is MISSING:
                last = position == len(parts) - 1
                # What __init__ or fit sets is no attribute of the class, but its docstring lists it.
                return owner if last and inspect.isclass(owner) and _is_listed(part, owner) else MISSING
        return found
    return getattr(builtins, name, MISSING)


def _is_listed(attribute: str, owner: type) -> bool:
    listed = any(attribute in getattr(base, "__annotations__", {}) for base in owner.__mro__)
    return (
        listed or re.search(rf"^\s*{re.escape(attribute)}\s*:", inspect.getdoc(owner) or "", re.MULTILINE) is not None
    )


def scopes_of(node: nodes.Element) -> list[str]:
    """Dotted names in whose scope a reference stands: the object it documents, outwards, and at last the top.

    A package documents what its modules define, so the object's own module is read from "docstring of ..." in the
    source that autodoc gives to its text.
    """
    scopes = [f"{node.get('py:module')}.{node.get('py:class')}", str(node.get("py:module"))]
    place: Any = node
    while place is not None and not DOCSTRING.search(place.source or ""):
        place = place.parent
    if place is not None:
        inner = DOCSTRING.search(place.source)[1].split(".")
        scopes += [".".join(inner[:stop]) for stop in range(len(inner), 0, -1)]
    return [*scopes, ""]


def search(target: str, node: nodes.Element) -> Any:
    """The object that a reference means, or MISSING."""
    for scope in scopes_of(node):
        found = find_object(f"{scope}.{target}".lstrip("."))
        if found is not MISSING:
            return found
    if node.get("reftype") == "exc":
        # A docstring lists the errors of the functions it calls too, and these are defined in other modules.
        package = str(node.get("py:module")).partition(".")[0]
        for name, module in sorted(sys.modules.items()):
            if name.startswith(f"{package}.") and target in vars(module):
                return vars(module)[target]
    return MISSING


def resolve(app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Element) -> nodes.Node | None:
    """Answer a reference of the Python domain that Sphinx cannot: see the module's docstring."""
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"].lstrip(".")
    found = search(target, node)
    if found is MISSING:
        return None
    last = target.rpartition(".")[2]
    for name, entry in env.get_domain("py").objects.items():  # type: ignore[attr-defined]
        if name.rpartition(".")[2] == last and find_object(name) is found:
            return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, content, name)
    return content.deepcopy()


def number_footnotes(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Make the labels of a docstring's references unique on the page."""
    text = "\n".join(lines)
    prefix = re.sub(r"\W", "-", name)
    for _, label in FOOTNOTE.findall(text):
        text = text.replace(f"[{label}]_", f"[#{prefix}-{label}]_")
        text = re.sub(rf"^(\s*\.\.\s+)\[{label}\](?=\s)", rf"\g<1>[#{prefix}-{label}]", text, flags=re.MULTILINE)
    lines[:] = text.split("\n")


def add_contents(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """End a package's docstring with the table of its public names."""
    if what == "module" and getattr(obj, "__all__", None):
        lines += ["", f".. public-names:: {name}", ""]


def skip_routing(app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leave out the methods that scikit-learn generates."""
    return True if ROUTING.match(name) else None


class PublicNames(Autosummary):
    """A table of what a package offers, each name with the first sentence of its docstring."""

    required_arguments = 1
    has_content = False
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        """Write the list that autosummary wants by hand."""
        (package,) = self.arguments
        module = importlib.import_module(package)
        # The docstring of a constant is that of its type.
        names = [name for name in module.__all__ if callable(getattr(module, name))]
        self.options["nosignatures"] = None
        self.content = StringList(names, source=package)
        return super().run()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_directive("public-names", PublicNames)
    app.connect("missing-reference", resolve)
    app.connect("autodoc-process-docstring", number_footnotes)
    app.connect("autodoc-process-docstring", add_contents)
    app.connect("autodoc-skip-member", skip_routing)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

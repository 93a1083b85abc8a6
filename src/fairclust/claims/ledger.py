"""The ledger: every quantitative or comparative claim of the three papers, and how it is judged.

One YAML file per paper lies beside this module. Its top level has ``paper``, ``about`` (what is in the ledger and what
is not), ``reasons`` (a place for sentences that several claims share through YAML anchors) and ``claims``, a list of
mappings with these fields:

===============  ====================================================================================================
``id``           stable and dotted, begins with the paper: ``antidote.table1.bank.balance.vanilla``
``source``       where the paper says it: "Table 1, row bank, Combination 1"
``statement``    one plain sentence that can be true or false
``kind``         ``paper`` (the default: the paper says so) or ``finding`` (a question that a reviewer would ask)
``paper_value``  the paper's number, or null
``criterion``    how the verdict is computed; see :mod:`fairclust.claims.criteria`
``not_run``      a sentence: which experiment is missing and what it waits for, or why it cannot be had
``note``         what a reader should know about the comparison
===============  ====================================================================================================

A claim has a criterion, a ``not_run`` reason, or both: then the reason is given as long as the results are missing.
There is no field for a verdict.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from fairclust.claims.criteria import KINDS, Criterion

__all__ = ["CLAIM_KINDS", "PAPERS", "Claim", "LedgerError", "load_ledger"]

#: The papers in the order of the book.
PAPERS = ("antidote", "welfare", "radii")

#: ``paper``: the paper claims it. ``finding``: we ask it about the paper's claim.
CLAIM_KINDS = ("paper", "finding")

_TOP = ("paper", "about", "reasons", "claims")
_FIELDS = ("id", "kind", "source", "statement", "paper_value", "criterion", "not_run", "note")
_ID = re.compile(r"(antidote|welfare|radii)(\.[a-z0-9]+(_[a-z0-9]+)*)+")


class LedgerError(ValueError):
    """A ledger file that breaks its schema; the message names file, claim and field."""


@dataclass(frozen=True)
class Claim:
    """One claim. The attributes are the fields of the ledger (see :mod:`fairclust.claims.ledger`), and ``paper``."""

    id: str
    paper: str
    kind: str
    source: str
    statement: str
    paper_value: float | None = None
    criterion: Criterion | None = None
    not_run: str | None = None
    note: str | None = None


def load_ledger(directory: str | Path | None = None) -> list[Claim]:
    """Every claim, in the order of the papers and of their files.

    Parameters
    ----------
    directory : path, optional
        A folder with ``<paper>.yaml`` files (any of the three papers) instead of the package's own.

    Returns
    -------
    list of Claim

    Raises
    ------
    LedgerError
        If a file is missing or no YAML, a field is unknown, missing or of the wrong type, an id is malformed or used
        twice, or a criterion has an unknown kind or field.

    Notes
    -----
    Linear in the size of the files; a few hundred claims take a fraction of a second.

    Examples
    --------
    >>> ledger = {claim.id: claim for claim in load_ledger()}
    >>> claim = ledger["antidote.table1.bank.balance.vanilla"]
    >>> claim.source, claim.paper_value, claim.criterion.kind
    ('Table 1, row bank, Combination 1', -0.3054, 'value')
    """
    folder: Traversable | Path = files("fairclust.claims") if directory is None else Path(directory)
    found = [paper for paper in PAPERS if (folder / f"{paper}.yaml").is_file()]
    if not found or (directory is None and len(found) < len(PAPERS)):
        raise LedgerError(f"no ledger: {folder} should hold {', '.join(f'{paper}.yaml' for paper in PAPERS)}")
    claims = [claim for paper in found for claim in _load_file(paper, folder / f"{paper}.yaml")]
    seen: set[str] = set()
    for claim in claims:
        if claim.id in seen:
            raise LedgerError(
                f"{claim.paper}.yaml: the id {claim.id} is used twice; ids are for ever and for one claim"
            )
        seen.add(claim.id)
    return claims


class _Loader(yaml.SafeLoader):
    """YAML without the silent overwriting of a key that stands twice in one mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in keys:
                raise LedgerError(f"line {key_node.start_mark.line + 1}: the field {key!r} stands twice in one mapping")
            keys.add(key)
        return super().construct_mapping(node, deep=deep)


def _load_file(paper: str, path: Traversable | Path) -> list[Claim]:
    where = f"{paper}.yaml"
    try:
        # SafeLoader's subclass: plain data only, as safe_load.
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except LedgerError as error:
        raise LedgerError(f"{where}, {error}") from None
    except yaml.YAMLError as error:
        raise LedgerError(f"{where} is not YAML: {error}") from error
    content = _mapping(content, _TOP, where)
    if content.get("paper") != paper:
        raise LedgerError(f"{where}: paper should be {paper!r}, got {content.get('paper')!r}")
    entries = content.get("claims")
    if not isinstance(entries, list) or not entries:
        raise LedgerError(f"{where}: claims should be a list with at least one claim")
    return [_claim(paper, entry, f"{where}, claim {position}") for position, entry in enumerate(entries, 1)]


def _claim(paper: str, entry: Any, where: str) -> Claim:
    name = entry.get("id") if isinstance(entry, Mapping) else None
    where = f"{where} ({name})" if isinstance(name, str) else where
    entry = _mapping(entry, _FIELDS, where)
    for field in ("id", "source", "statement"):
        if field not in entry:
            raise LedgerError(f"{where}: the field {field} is missing")
    text = {
        field: _text(entry[field], field, where)
        for field in ("id", "source", "statement", "not_run", "note")
        if entry.get(field) is not None or field in ("id", "source", "statement")
    }
    if not _ID.fullmatch(text["id"]) or not text["id"].startswith(f"{paper}."):
        raise LedgerError(f"{where}: an id looks like {paper}.table1.bank (lower case, digits, _, dots), got {name!r}")
    for field in ("statement", "not_run", "note"):
        if field in text and not text[field].endswith("."):
            raise LedgerError(f"{where}: {field} should be a sentence and end with a full stop")
    kind = entry.get("kind", "paper")
    if kind not in CLAIM_KINDS:
        raise LedgerError(f"{where}: kind should be one of {', '.join(CLAIM_KINDS)}, got {kind!r}")
    criterion = None if entry.get("criterion") is None else _criterion(entry["criterion"], where)
    paper_value = _paper_value(entry.get("paper_value"), where)
    if criterion is None and "not_run" not in text:
        raise LedgerError(f"{where}: a claim needs a criterion, or a not_run reason, or both; this one has neither")
    if criterion is not None and criterion.needs_paper_value and paper_value is None:
        raise LedgerError(f"{where}: a criterion of kind {criterion.kind} compares with paper_value, which is missing")
    return Claim(
        id=text["id"],
        paper=paper,
        kind=kind,
        source=text["source"],
        statement=text["statement"],
        paper_value=paper_value,
        criterion=criterion,
        not_run=text.get("not_run"),
        note=text.get("note"),
    )


def _criterion(entry: Any, where: str) -> Criterion:
    if not isinstance(entry, Mapping):
        raise LedgerError(f"{where}: criterion should be a mapping with kind and results, got {entry!r}")
    fields = dict(entry)
    kind = fields.pop("kind", None)
    if kind not in KINDS:
        raise LedgerError(f"{where}: unknown criterion kind {kind!r}; the kinds are {', '.join(KINDS)}")
    known = {field.name: field for field in dataclasses.fields(KINDS[kind])}
    for name in fields:
        if name not in known:
            raise LedgerError(f"{where}: a {kind} criterion has no field {name!r}; its fields are {', '.join(known)}")
    for name, field in known.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and name not in fields:
            raise LedgerError(f"{where}: a {kind} criterion needs the field {name!r}")
    try:
        return KINDS[kind](**fields)
    except ValueError as error:
        raise LedgerError(f"{where}: {kind} criterion: {error}") from error


def _mapping(entry: Any, known: tuple[str, ...], where: str) -> dict[str, Any]:
    if not isinstance(entry, Mapping):
        raise LedgerError(f"{where}: expected a mapping of fields, got {entry!r}")
    for field in entry:
        if field not in known:
            raise LedgerError(f"{where}: unknown field {field!r}; the fields are {', '.join(known)}")
    return dict(entry)


def _text(value: Any, field: str, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise LedgerError(f"{where}: {field} should be text, got {value!r}")
    return " ".join(value.split())


def _paper_value(value: Any, where: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise LedgerError(f"{where}: paper_value should be a number or null, got {value!r}")
    return float(value)

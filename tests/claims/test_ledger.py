import re
import textwrap

import pytest

from fairclust.claims import LedgerError, Verdict, load_ledger
from fairclust.claims.criteria import Bound, Ordering

GOOD = """
paper: radii
claims:
  - id: radii.figure5.bank
    source: Figure 5
    statement: Ours is fairer.
    not_run: No experiment yet.
  - id: radii.theorem
    source: Theorem 1
    statement: >-
      Within eight
      radii.
    paper_value: 8
    kind: finding
    criterion: {kind: bound, results: radii-samples, column: max_violation, at_most: 8}
    note: Derived.
"""


def write(tmp_path, text, paper="radii"):
    (tmp_path / f"{paper}.yaml").write_text(textwrap.dedent(text), encoding="utf-8")
    return tmp_path


def test_a_good_ledger(tmp_path):
    first, second = load_ledger(write(tmp_path, GOOD))
    assert (first.id, first.paper, first.kind, first.source) == ("radii.figure5.bank", "radii", "paper", "Figure 5")
    assert (first.statement, first.not_run) == ("Ours is fairer.", "No experiment yet.")
    assert (first.paper_value, first.criterion, first.note) == (None, None, None)
    assert second.statement == "Within eight radii."
    assert (second.kind, second.paper_value, second.note, second.not_run) == ("finding", 8.0, "Derived.", None)
    assert second.criterion == Bound(results="radii-samples", column="max_violation", at_most=8)


def test_papers_come_in_the_order_of_the_book(tmp_path):
    write(tmp_path, GOOD)
    write(tmp_path, GOOD.replace("radii.", "welfare.").replace("paper: radii", "paper: welfare"), "welfare")
    assert [claim.paper for claim in load_ledger(tmp_path)] == ["welfare", "welfare", "radii", "radii"]


def test_anchors_share_sentences(tmp_path):
    text = GOOD.replace("claims:", "reasons:\n  later: &later It waits.\nclaims:", 1)
    text = text.replace("not_run: No experiment yet.", "not_run: *later")
    assert load_ledger(write(tmp_path, text))[0].not_run == "It waits."


def test_by_becomes_a_tuple(tmp_path):
    text = GOOD.replace(
        "{kind: bound, results: radii-samples, column: max_violation, at_most: 8}",
        "{kind: ordering, results: t, column: c, left: {where: {m: a}}, right: {where: {m: b}}, by: [k, sample]}",
    )
    criterion = load_ledger(write(tmp_path, text))[1].criterion
    assert isinstance(criterion, Ordering)
    assert criterion.by == ("k", "sample")


BOUND = "{kind: bound, results: radii-samples, column: max_violation, at_most: 8}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        # Nobody types a verdict: there is no such field, in the claim or in its criterion.
        ("kind: finding", "verdict: reproduced", r"claim 2 \(radii.theorem\): unknown field 'verdict'"),
        (BOUND, BOUND.replace("at_most", "verdict: reproduced, at_most"), "a bound criterion has no field 'verdict'"),
        ("note: Derived.", "our_value: 3", "unknown field 'our_value'"),
        ("note: Derived.", "status: reproduced", "unknown field 'status'"),
        ("radii.theorem", "radii.figure5.bank", "the id radii.figure5.bank is used twice"),
        ("id: radii.theorem", "id: welfare.theorem", "an id looks like radii.table1.bank"),
        ("id: radii.theorem", "id: radii.Theorem", r"an id looks like .* got 'radii.Theorem'"),
        ("id: radii.theorem", "id: radii", "an id looks like"),
        ("id: radii.theorem", "id: 8", "id should be text, got 8"),
        ("- id: radii.theorem\n    source", "- source", r"claim 2: the field id is missing"),
        ("    source: Theorem 1\n", "", r"claim 2 \(radii.theorem\): the field source is missing"),
        ("statement: Ours is fairer.", "statement:", r"claim 1 .*: statement should be text, got None"),
        ("statement: Ours is fairer.", "statement: '  '", "statement should be text"),
        ("statement: Ours is fairer.", "statement: Ours is fairer", "statement should be a sentence and end with"),
        ("not_run: No experiment yet.", "not_run: later", "not_run should be a sentence"),
        ("    not_run: No experiment yet.\n", "", "a claim needs a criterion, or a not_run reason, or both"),
        ("paper_value: 8", "paper_value: eight", "paper_value should be a number or null, got 'eight'"),
        ("paper_value: 8", "paper_value: true", "paper_value should be a number or null, got True"),
        ("paper_value: 8", "paper_value: .nan", "paper_value should be a number or null, got nan"),
        ("kind: finding", "kind: guess", "kind should be one of paper, finding, got 'guess'"),
        ("kind: bound", "kind: equals", "unknown criterion kind 'equals'; the kinds are value, ordering, "),
        (f"criterion: {BOUND}", "criterion: bound", "criterion should be a mapping with kind and results, got 'bound'"),
        ("{kind: bound, ", "{", "unknown criterion kind None"),
        ("results: radii-samples, ", "", "a bound criterion needs the field 'results'"),
        ("column: max_violation, ", "", "a bound criterion needs the field 'column'"),
        (", at_most: 8", "", "bound criterion: bound needs at_most, at_least or both"),
        ("at_most: 8", "at_most: 8, where: [bank]", "bound criterion: where must map columns to values"),
        ("column: max_violation", "column: max(violation)", "bound criterion: .* is not arithmetic over columns"),
        ("note: Derived.", "note: Derived.\n    note: Again.", r"line 17: the field 'note' stands twice"),
        ("paper: radii", "paper: welfare", "radii.yaml: paper should be 'radii', got 'welfare'"),
        ("paper: radii", "paper: radii\ntitle: Better", "unknown field 'title'; the fields are paper, about, "),
        ("claims:", "claims: {}\nabout:", "claims should be a list with at least one claim"),
        (
            "  - id: radii.figure5.bank",
            "  - radii.figure5.bank\n  - id: radii.figure5.bank",
            "claim 1: expected a mapping",
        ),
        ("claims:", "claims: [", "radii.yaml is not YAML"),
    ],
)
def test_what_breaks_the_schema(tmp_path, old, new, message):
    assert old in GOOD
    with pytest.raises(LedgerError, match=message):
        load_ledger(write(tmp_path, GOOD.replace(old, new, 1)))


@pytest.mark.parametrize("kind", ["value", "gain_over_spread"])
def test_some_criteria_need_the_papers_number(tmp_path, kind):
    text = GOOD.replace(BOUND, f"{{kind: {kind}, results: t, column: c{', tolerance: 1' if kind == 'value' else ''}}}")
    assert load_ledger(write(tmp_path, text))[1].paper_value == 8
    with pytest.raises(LedgerError, match=f"a criterion of kind {kind} compares with paper_value, which is missing"):
        load_ledger(write(tmp_path, text.replace("    paper_value: 8\n", "")))


def test_python_objects_are_no_yaml(tmp_path):
    with pytest.raises(LedgerError, match="is not YAML"):
        load_ledger(write(tmp_path, "paper: !!python/object/apply:os.getcwd []\n"))


def test_an_empty_folder_is_no_ledger(tmp_path):
    with pytest.raises(LedgerError, match=re.escape("should hold antidote.yaml, welfare.yaml, radii.yaml")):
        load_ledger(tmp_path)


def test_the_verdicts_are_four():
    assert [str(verdict) for verdict in Verdict] == ["reproduced", "partly", "not reproduced", "not run"]

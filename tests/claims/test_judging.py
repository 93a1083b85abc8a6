import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from fairclust.claims import Claim, CriterionError, Judged, Verdict, judge, scorecard
from fairclust.claims.criteria import Bound, GainOverSpread, Ordering, Value
from fairclust.experiments.results import ResultsError

# Creditcard, k = 2: social cost of three vanilla clusterings.
VANILLA = pd.DataFrame({"dataset": "credit_card", "seed": [0, 1, 2], "social_cost": [19.7393, 19.7404, 19.7414]})
PROVENANCE = {
    "command": "fairclust reproduce antidote --only antidote-vanilla",
    "seconds": {"cells": 12.5, "wall": 1.0},
}


def read(name):
    if name != "antidote-vanilla":
        raise FileNotFoundError(name)
    return VANILLA


def origin(name):
    read(name)
    return PROVENANCE


def claim(criterion=None, paper_value=19.74, **fields):
    given = {
        "id": "antidote.x",
        "paper": "antidote",
        "kind": "paper",
        "source": "Table 1",
        "statement": "It is 19.740.",
    }
    return Claim(**{**given, **fields}, paper_value=paper_value, criterion=criterion)


VALUE = Value(results="antidote-vanilla", column="social_cost", tolerance=0.001, partly_tolerance=0.01)


def test_a_judged_claim_has_everything_the_scorecard_shows():
    judged = judge(claim(VALUE, note="One note."), read=read, origin=origin)
    assert judged == Judged(
        id="antidote.x",
        paper="antidote",
        source="Table 1",
        statement="It is 19.740.",
        verdict=Verdict.REPRODUCED,
        reason=(
            "ours 19.7404 (median of 3 rows, range 19.7393..19.7414) against the paper's 19.74: off by 0.0004, "
            "within 0.001. One note."
        ),
        paper_value=19.74,
        our_value=19.7404,
        command="fairclust reproduce antidote --only antidote-vanilla",
        seconds=12.5,
        kind="paper",
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        judged.verdict = Verdict.NOT_REPRODUCED


@pytest.mark.parametrize(
    ("criterion", "paper_value", "verdict"),
    [
        (VALUE, 19.740, Verdict.REPRODUCED),
        (VALUE, 19.745, Verdict.PARTLY),
        (VALUE, 20.0, Verdict.NOT_REPRODUCED),
        (Bound(results="antidote-vanilla", column="social_cost", at_most=19.75), None, Verdict.REPRODUCED),
        (Bound(results="antidote-vanilla", column="social_cost", at_most=19.74), None, Verdict.NOT_REPRODUCED),
        (GainOverSpread(results="antidote-vanilla", column="social_cost"), 0.011, Verdict.REPRODUCED),
        (GainOverSpread(results="antidote-vanilla", column="social_cost"), 0.002, Verdict.PARTLY),
        (GainOverSpread(results="antidote-vanilla", column="social_cost"), 0.001, Verdict.NOT_REPRODUCED),
    ],
)
def test_the_results_decide_the_verdict(criterion, paper_value, verdict):
    assert judge(claim(criterion, paper_value), read=read, origin=origin).verdict is verdict


def test_other_results_give_another_verdict():
    shifted = VANILLA.assign(social_cost=VANILLA["social_cost"] + 1)
    assert judge(claim(VALUE), read=read, origin=origin).verdict is Verdict.REPRODUCED
    assert judge(claim(VALUE), read=lambda name: shifted, origin=origin).verdict is Verdict.NOT_REPRODUCED


def test_a_claim_without_a_criterion_is_not_run():
    def fail(name):
        raise AssertionError("nothing to read")

    judged = judge(claim(not_run="It waits.", note="A note."), read=fail, origin=fail)
    assert (judged.verdict, judged.reason) == (Verdict.NOT_RUN, "It waits. A note.")
    assert (judged.paper_value, judged.our_value, judged.command, judged.seconds) == (19.74, None, None, None)


def test_absent_results_are_not_run_and_say_which_command_makes_them():
    judged = judge(claim(Value(results="radii-samples", column="x", tolerance=1.0)), read=read, origin=origin)
    assert judged.verdict is Verdict.NOT_RUN
    assert judged.reason == "There are no results of radii-samples here; the command makes them."
    assert judged.command == "fairclust reproduce antidote --only radii-samples"


def test_the_reason_for_not_running_gives_way_to_results():
    waiting = Value(results="radii-samples", column="x", tolerance=1.0)
    judged = judge(claim(waiting, not_run="No experiment yet."), read=read, origin=origin)
    assert (judged.verdict, judged.reason, judged.command) == (Verdict.NOT_RUN, "No experiment yet.", None)
    assert judge(claim(VALUE, not_run="No experiment yet."), read=read, origin=origin).verdict is Verdict.REPRODUCED


def test_results_without_provenance_do_not_count():
    def lost(name):
        raise FileNotFoundError(name)

    assert judge(claim(VALUE), read=read, origin=lost).verdict is Verdict.NOT_RUN


def test_damaged_results_are_an_error_and_no_verdict():
    def damaged(name):
        raise ResultsError("antidote-vanilla.csv is damaged")

    with pytest.raises(ResultsError, match="damaged"):
        judge(claim(VALUE), read=damaged, origin=origin)


LEFT_OUT = {
    **PROVENANCE,
    "not_run": [
        {"params": {"dataset": "lfw", "seed": seed}, "reason": "lfw is not available: no file"} for seed in range(3)
    ],
}


def test_cells_that_were_left_out_are_not_judged_on_the_rest():
    lfw = dataclasses.replace(VALUE, where={"dataset": "lfw"})
    judged = judge(claim(lfw), read=read, origin=lambda name: LEFT_OUT)
    assert judged.verdict is Verdict.NOT_RUN
    assert judged.reason == "3 cells of antidote-vanilla that this needs were left out: lfw is not available: no file."
    everything = Bound(results="antidote-vanilla", column="social_cost", at_most=20)
    assert judge(claim(everything), read=read, origin=lambda name: LEFT_OUT).verdict is Verdict.NOT_RUN


def test_cells_that_were_left_out_do_not_hurt_others():
    credit = dataclasses.replace(VALUE, where={"dataset": "credit_card"})
    assert judge(claim(credit), read=read, origin=lambda name: LEFT_OUT).verdict is Verdict.REPRODUCED


def test_cells_left_out_on_either_side_of_a_comparison():
    rule = Ordering(
        results="antidote-vanilla",
        column="social_cost",
        left={"where": {"dataset": "credit_card"}},
        right={"where": {"dataset": "lfw"}},
    )
    assert judge(claim(rule), read=read, origin=lambda name: LEFT_OUT).verdict is Verdict.NOT_RUN


@pytest.mark.parametrize(
    ("criterion", "message"),
    [
        (
            dataclasses.replace(VALUE, where={"dataset": "bank"}),
            "criterion of claim antidote.x on results antidote-vanilla: selects no row where dataset = bank",
        ),
        (
            dataclasses.replace(VALUE, column="balance"),
            "criterion of claim antidote.x on results antidote-vanilla: needs the column 'balance'; the columns are",
        ),
    ],
)
def test_a_criterion_that_does_not_fit_its_results_is_an_error(criterion, message):
    with pytest.raises(CriterionError, match=message):
        judge(claim(criterion), read=read, origin=origin)


@pytest.mark.parametrize(("seconds", "expected"), [(3, 3.0), ({"wall": 1.0}, None), (None, None)])
def test_seconds_of_the_experiment(seconds, expected):
    assert judge(claim(VALUE), read=read, origin=lambda name: {"seconds": seconds}).seconds == expected


def test_as_dict_is_strict_json():
    judged = judge(claim(VALUE), read=read, origin=origin)
    text = json.dumps(dataclasses.replace(judged, our_value=np.inf).as_dict(), allow_nan=False)
    back = json.loads(text)
    assert (back["id"], back["verdict"], back["our_value"]) == ("antidote.x", "reproduced", None)
    assert {"id", "paper", "source", "verdict", "reason"} <= back.keys()


def test_scorecard_reads_each_experiment_once():
    calls = []

    def counted(name):
        calls.append(name)
        return VANILLA

    claims = [claim(VALUE, id=f"antidote.x{i}") for i in range(5)]
    judged = scorecard(claims=claims, read=counted, origin=lambda name: PROVENANCE)
    assert [one.id for one in judged] == [f"antidote.x{i}" for i in range(5)]
    assert calls == ["antidote-vanilla"]


def test_scorecard_of_one_paper():
    claims = [claim(not_run="Later."), claim(id="radii.x", paper="radii", not_run="Later.")]
    assert [one.id for one in scorecard("radii", claims=claims, read=read, origin=origin)] == ["radii.x"]


def test_scorecard_of_an_unknown_paper():
    with pytest.raises(ValueError, match="no paper is called 'fairlets'; there are antidote, welfare, radii"):
        scorecard("fairlets")


def test_without_any_results_the_whole_ledger_is_not_run():
    def nothing(name):
        raise FileNotFoundError(name)

    judged = scorecard(read=nothing, origin=nothing)
    assert len(judged) > 250
    assert {one.verdict for one in judged} == {Verdict.NOT_RUN}
    assert all(one.reason and one.reason.endswith(".") for one in judged)

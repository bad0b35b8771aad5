"""Outcomes as rates; how they come about is tested in test_recall.py."""

from freqkv_cli.evaluation.asking import Outcome, tally


def test_tally() -> None:
    found = tally([Outcome(0, True), Outcome(0, False), Outcome(3, False), Outcome(1, False)])
    assert (found["first"]["hits"], found["exact"]["hits"], found["first"]["total"]) == (2, 1, 4)
    assert found["first"]["interval_95"] == [0.15, 0.85]
    assert found["mean_rank"] == 1.0

"""The measure of follow-ups: ranks of right passages, and questions that are what they claim to be."""

from pathlib import Path

from freqkv_cli.answering.follow_up import leans
from freqkv_cli.documents import open_documents
from freqkv_cli.evaluation.follow_ups import FOLLOW_UPS, FollowUp, ranks
from freqkv_cli.retrieval.retriever import Lookup


def test_names_of_the_question_before_find_the_passage(tmp_path: Path) -> None:
    path = tmp_path / "ships.txt"
    cooks = "".join(
        f"On ship number {number} the cook has a sister, whose name nobody knows. " * 12 for number in "123"
    )
    path.write_text(
        f"{cooks}\n\n{'The sea. ' * 150}\n\nAmbrose Pell wrote to Dora, his sister.\n\n{'The wind. ' * 150}"
    )
    documents = open_documents([str(path)])
    lookup = Lookup(documents)
    for page in documents[0].pages():
        lookup.add(0, page)
    lookup.finish()
    follow_up = FollowUp("Who is Ambrose Pell?", "The cook.", "And his sister?", "(?=.*Dora)(?=.*sister)")
    alone, _, shipped = ranks(lookup, follow_up)
    assert shipped == 1
    assert alone != 1
    assert ranks(lookup, FollowUp("Who is Ambrose Pell?", "The cook.", "And his sister?", "bishop")) == [0, 0, 0]


def test_every_follow_up_leans_and_no_first_question_does() -> None:
    for follow_ups in FOLLOW_UPS.values():
        assert all(leans(one.question) and not leans(one.before) for one in follow_ups)

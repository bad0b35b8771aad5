"""Scores of small summaries whose faults are known."""

import pytest

from freqkv_cli.evaluation.prose import vocabulary
from freqkv_cli.evaluation.summary_scores import (
    alike,
    chat_phrases,
    invented_names,
    is_about,
    is_cut_off,
    reach,
    repeated_sentences,
    stretches,
)

PEOPLE = ("Anna", "Boris", "Clara", "Dmitri", "Edith", "Franz", "Greta", "Hugo", "Irene", "Jonas")
# Ten stretches of equal length; Zara is in all of them.
TEXT = "".join(f"then came {name:<6} and met Zara again; ".ljust(60) for name in PEOPLE)


def test_the_tenths_and_their_telling_names() -> None:
    tenths = stretches(TEXT, [(0.0, "The Arrival"), (0.55, "Chapter 2"), (1.0, "Farewell to All")])
    assert [set(tenth.telling) for tenth in tenths] == [{name} for name in PEOPLE]
    assert all("Zara" in tenth.names for tenth in tenths)
    assert tenths[0].headings == ("The Arrival",)
    assert tenths[5].headings == ("Chapter 2",)
    assert tenths[9].headings == ("Farewell to All",)


def test_a_summary_reaches_the_tenths_whose_names_it_tells() -> None:
    tenths = stretches(TEXT)
    reached = [reach(tenth, number, "Anna and Hugo met Zara.", []).reached for number, tenth in enumerate(tenths)]
    assert [number for number, yes in enumerate(reached) if yes] == [0, 7]


def test_a_heading_counts_when_it_is_told_whole_and_is_not_only_a_number() -> None:
    tenths = stretches(TEXT, [(0.25, "The Long Farewell"), (0.35, "Chapter 4")])
    third = reach(tenths[2], 2, "It ends with the long farewell, in chapter 4.", [])
    fourth = reach(tenths[3], 3, "It ends with the long farewell, in chapter 4.", [])
    assert third.mentioned == ("The Long Farewell",)
    assert third.known == 2
    assert (fourth.mentioned, fourth.known) == ((), 1)
    assert reach(tenths[2], 2, "A long and sad farewell", []).mentioned == ()


def test_a_note_reaches_its_own_stretch_with_any_name_of_it_but_not_with_its_title() -> None:
    tenths = stretches(TEXT)
    note = {"title": "Edith", "text": "Someone met Zara.", "start": 0.4, "end": 0.6}
    found = [reach(tenth, number, "", [note]) for number, tenth in enumerate(tenths)]
    assert [number for number, one in enumerate(found) if one.noted] == [4, 5]
    assert all(one.mentioned == () for one in found)
    empty = {**note, "text": "Nobody met anybody."}
    assert not any(reach(tenth, number, "", [empty]).noted for number, tenth in enumerate(tenths))


@pytest.mark.parametrize(
    ("start", "end", "about"), [(0.0, 0.1, [0]), (0.05, 0.25, [0, 1, 2]), (0.9, 1.0, [9]), (0.0, 1.0, list(range(10)))]
)
def test_the_tenths_of_a_note(start: float, end: float, about: list[int]) -> None:
    assert [number for number in range(10) if is_about({"start": start, "end": end}, number)] == about


def test_invented_names() -> None:
    known = vocabulary("Anna Smith and the Dashwood family of Barton-on-Sea met")
    summary = "Yesterday Anna Smith met Boris of Norland. The Dashwoods' house at Barton-Sea stood by. Anna's dog left."
    assert invented_names(summary, known) == ["Boris", "Norland"]
    assert invented_names("However, they all met.", known) == []
    disks = vocabulary("There is RAID-1 and ext-2, and RAID alone.")
    assert invented_names("It is about RAID-1, RAID-2 and RAID.", disks) == ["RAID-2"]


def test_repeated_sentences() -> None:
    text = (
        "Anna met Boris at the old station. They talked. Anna met Boris at the old station. They talked. "
        "Anna then met Boris at the old station! Nothing like it was said before."
    )
    assert repeated_sentences(text) == [
        "Anna met Boris at the old station.",
        "Anna then met Boris at the old station!",
    ]
    part = "that whoever comes late to the old station waits"
    assert len(part.split()) == 9
    assert alike(f"anna knew {part} and was there at noon".split(), f"it is said in town {part} for long".split())
    assert not alike("anna met boris at noon".split(), "boris left the town for ever".split())  # noqa: SIM905


@pytest.mark.parametrize(
    ("text", "reason", "cut"),
    [
        ("It ends.", "stop", False),
        ('She said "yes."', "stop", False),
        ("It ends (well).", "stop", False),
        ("**It ends.**", "stop", False),
        ("It ends and then", "stop", True),
        ("It ends.", "length", True),
        ("", "stop", True),
        ("- one thing\n- another thing", "stop", False),
        ("- One thing.\n- Another thi", "stop", True),
        ("- only one", "stop", True),
    ],
)
def test_cut_ends(text: str, reason: str, cut: bool) -> None:
    assert is_cut_off(text, reason) is cut


@pytest.mark.parametrize(
    "phrase",
    [
        "Sure, here is what I found.",
        "Here's a brief summary of the document:",
        "Here is your summary.",
        "I hope this helps!",
        "Let me know if you need more.",
        "As an AI language model, I cannot read.",
        "Write a summary of the document above.",
        "It is told in about 150 words.",
    ],
)
def test_chat(phrase: str) -> None:
    assert chat_phrases(f"Anna met Boris. {phrase}\n\nThey left.") == [phrase]


@pytest.mark.parametrize(
    "sentence",
    ["Here is Anna, who left.", "He is sure, she is not.", "Of course he left.", "She gave him a summary of it."],
)
def test_what_only_looks_like_chat(sentence: str) -> None:
    assert chat_phrases(sentence) == []

"""The sentences that stand for a section: what it speaks of, statements that stand by themselves, with their place."""

from freqkv_cli.recall.central import Background, candidates_of, central_sentences, fitness, meaning
from freqkv_cli.recall.passage import Passage

WEATHER = "The weather was fine and people walked in the park all day long.\n\n"


def passage(text: str) -> Passage:
    return Passage(text, 0, 0, first_line=1, last_line=1 + text.count("\n"))


def test_the_sentence_on_what_the_section_is_about_wins() -> None:
    background = Background()
    central_sentences([passage(WEATHER * 20)], background, 1)
    text = (
        f"{WEATHER}The harbour pilot Ambrose brought the frigate into the harbour of Tromso at dawn.\n\n"
        "Ambrose slept late.\n\nThe frigate left the harbour again in spring.\n\n"
    )
    best = central_sentences([passage(text)], background, 2)
    assert best[0].text.startswith("The harbour pilot Ambrose brought")
    assert best[0].passage.place == "line 3"
    assert best[0].score > best[1].score > 0


def test_a_sentence_over_several_lines_knows_them() -> None:
    text = "One line.\n\nThe harbour pilot\n  Ambrose brought the\nfrigate in. He slept\nuntil noon.\n"
    found = {one.text: one.passage.place for one in candidates_of(passage(text))}
    assert found["The harbour pilot Ambrose brought the frigate in."] == "lines 3-5"
    assert found["He slept until noon."] == "lines 5-6"


def test_speech_is_known_even_where_its_marks_are_in_other_sentences() -> None:
    text = 'She rose. "We all met at the harbour of Tromso. We waited there for the frigate until noon. It came."\n'
    weights = [one.weight for one in candidates_of(passage(text))]
    assert weights[0] > max(weights[1:4]) * 1.2 or fitness("She rose.") < 1
    spoken = next(one for one in candidates_of(passage(text)) if one.text.startswith("We waited"))
    assert spoken.weight <= 0.01


def test_what_stands_by_itself() -> None:
    whole = fitness("The harbour pilot Ambrose brought the frigate in.")
    assert whole == 1.0
    assert fitness("He brought the frigate into the harbour at dawn.") < whole  # who?
    assert fitness("I brought the frigate into the harbour at dawn.") < whole
    assert fitness("brought the frigate into the harbour at dawn.") < 0.01
    assert fitness("See https://example.org/a for the frigate and its harbour.") < 0.01
    assert fitness("12 07") == 0.0


def test_titles_and_list_marks_are_no_part_of_a_sentence() -> None:
    text = "5.1 Frigates\nThe frigate is a ship of war with three masts.\n"
    text += "\u2022 The pilot brings the ship into the harbour.\n"
    assert [one.text for one in candidates_of(passage(text))] == [
        "The frigate is a ship of war with three masts.",
        "The pilot brings the ship into the harbour.",
    ]


def test_a_log_without_sentences_still_has_lines() -> None:
    log = "error in service mailer at startup\n\nwarning disk nearly full\n\n"
    assert [one.text for one in central_sentences([passage(log)], Background(), 1)] == [
        "error in service mailer at startup"
    ]


def test_the_topic_decides() -> None:
    text = (
        "The harbour pilot Ambrose brought the frigate into the harbour.\n\n"
        "The cook of the frigate boiled cabbage for the pilot and the crew.\n\n"
    )
    first = central_sentences([passage(text)], Background(), 1)[0]
    assert "harbour" in first.text
    assert "cabbage" in central_sentences([passage(text)], Background(), 1, meaning("cabbages"))[0].text


def test_the_same_is_not_chosen_twice() -> None:
    text = "The pilot Ambrose brought the frigate into the harbour at dawn.\n\n" * 5
    assert len(central_sentences([passage(text)], Background(), 3)) == 1

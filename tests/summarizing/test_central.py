"""The sentences that stand for a section: what it speaks of, statements that stand by themselves, with their place."""

from freqkv_cli.retrieval.passage import Passage
from freqkv_cli.summarizing.central import Background, Candidate, candidates_of, digest, fitness, meaning, ranked

WEATHER = "The weather was fine and people walked in the park all day long.\n\n"


def passage(text: str) -> Passage:
    return Passage(text, 0, 0, first_line=1, last_line=1 + text.count("\n"))


def central(text: str, background: Background, count: int, focus: frozenset[str] = frozenset()) -> list[Candidate]:
    return list(digest([passage(text)], background, count, focus).sentences)


def test_the_sentence_on_what_the_section_is_about_wins() -> None:
    background = Background()
    central(WEATHER * 20, background, 1)
    text = (
        f"{WEATHER}The harbour pilot Ambrose brought the frigate into the harbour of Tromso at dawn.\n\n"
        "Ambrose slept late.\n\nThe frigate left the harbour again in spring.\n\n"
    )
    best = central(text, background, 2)
    assert best[0].text.startswith("The harbour pilot Ambrose brought")
    assert best[0].passage.place == "line 3"
    assert best[0].score > best[1].score > 0


def test_a_sentence_over_several_lines_knows_them() -> None:
    text = "One line.\n\nThe harbour pilot\n  Ambrose brought the\nfrigate in. He slept\nuntil noon.\n"
    found = {one.text: one.passage.place for one in candidates_of(passage(text))}
    assert found["The harbour pilot Ambrose brought the frigate in."] == "lines 3-5"
    assert found["He slept until noon."] == "lines 5-6"
    assert all(one.passage.text == one.text for one in candidates_of(passage(text)))  # the section is let go


def test_speech_is_known_even_where_its_marks_are_in_other_sentences() -> None:
    text = 'She rose. "We all met at the harbour of Tromso. We waited there for the frigate until noon. It came."\n'
    weights = [one.weight for one in candidates_of(passage(text))]
    assert weights[0] > max(weights[1:4]) * 1.2 or fitness("She rose.") < 1
    spoken = next(one for one in candidates_of(passage(text)) if one.text.startswith("We waited"))
    assert spoken.weight <= 0.01


def test_what_stands_by_itself() -> None:
    whole = fitness("The harbour pilot Ambrose brought the frigate in.")
    assert whole > 0.5
    assert fitness("He brought the frigate into the harbour at dawn.") < whole  # who?
    assert fitness("I brought the frigate into the harbour at dawn.") < whole
    assert fitness("brought the frigate into the harbour at dawn.") < 0.01
    assert fitness("See https://example.org/a for the frigate and its harbour.") < 0.01
    assert fitness("The name of the frigate (see Names) If you do not know it, ask the pilot in the harbour.") < 0.1
    assert fitness("12 07") == 0.0


def test_titles_and_list_marks_are_no_part_of_a_sentence() -> None:
    text = "5.1 Frigates\nThe frigate is a ship of war with three masts.\n"
    text += "\u2022 The pilot brings the ship into the harbour.\n"
    assert [one.text for one in candidates_of(passage(text))] == [
        "The frigate is a ship of war with three masts.",
        "The pilot brings the ship into the harbour.",
    ]


def test_a_log_without_sentences_still_has_lines() -> None:
    log = "[7] error in service mailer at startup\n[8] warning that disk of mailer is nearly full\n" * 9
    assert [one.text for one in central(log, Background(), 1)] == ["[8] warning that disk of mailer is nearly full"]


def test_the_cells_of_a_table_are_no_sentence() -> None:
    text = (
        "Words that fill this line until its very end are here.\nOther uploads: 10 days\nThese delays are examples.\n"
    )
    assert "These delays are examples." in [one.text for one in candidates_of(passage(text))]


def test_the_best_of_several_sections_speaks_of_what_they_share() -> None:
    background = Background()
    central(WEATHER * 9, background, 1)
    sections = [
        digest(
            [passage(f"The frigate left {port} again at dawn.\n\nThe {dish} of that day tasted well.\n\n")],
            background,
            4,
        )
        for port, dish in (("Tromso", "cabbage"), ("Bergen", "herring"), ("Oslo", "porridge"))
    ]
    number, best = ranked(sections, set())[0]
    assert "frigate" in best.text
    told = set(best.words)
    _, other = next(pair for pair in ranked(sections, told) if pair[0] == number)
    assert other.text != best.text


def test_the_topic_decides() -> None:
    text = (
        "The harbour pilot Ambrose brought the frigate into the harbour.\n\n"
        "Harbour masters and harbour pilots of Tromso met the pilot Ambrose in the harbour.\n\n"
        "Cabbage was boiled on the frigate for all of the crew every day.\n\n"
    )
    first = central(text, Background(), 1)[0]
    assert "Ambrose" in first.text
    assert "cabbage" in central(text, Background(), 1, meaning("cabbages"))[0].text.lower()


def test_the_same_is_not_chosen_twice() -> None:
    text = "The pilot Ambrose brought the frigate into the harbour at dawn.\n\n" * 5
    assert len(central(text, Background(), 3)) == 1

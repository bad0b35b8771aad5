"""What a table comes to is asked first, alone, where a question names nothing that is not in it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from freqkv_cli.answering.answer import answer_question
from freqkv_cli.answering.shown_passages import counted
from freqkv_cli.reading.session import Session
from tests.reading.playing import Played, ended, install, searched

CLUBS = ("Bergziegen", "Laufclub", "Bergziegen")
ROWS = "".join(f"{one},Runner{one} Petrov,{CLUBS[one % 3]},2:{one:02}\n" for one in range(1, 41))
MOST = "Which club has the most runners?"
Play = Callable[..., Played]


@pytest.fixture(scope="module")
def session(reader: str, tmp_path_factory: pytest.TempPathFactory) -> Session:
    path = tmp_path_factory.mktemp("tables") / "race.csv"
    path.write_text(f"rank,name,club,time\n{ROWS}")
    return searched([path], reader)


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Play:
    """Lets the model write this."""
    return lambda text, **how: install(Played(lambda request: text, **how), monkeypatch)


def counts_alone(text: str) -> bool:
    return "Counted: 40 rows" in text and "Beginning of the document" not in text


def test_a_question_on_all_rows_is_answered_from_their_counts(session: Session, play: Play) -> None:
    played = play("Bergziegen.")
    reply = ended(answer_question(session, MOST))
    assert len(played.requests) == 1
    assert [counts_alone(text) for text in played.consulted] == [True, False, True]  # to answer, to judge it, to cite
    assert reply.text == 'Bergziegen.\n"club: Bergziegen (26), Laufclub (14)" [counted]'


@pytest.mark.parametrize("row", [7, 40], ids=["not in the counts", "the highest"])
def test_a_row_that_is_named_is_looked_for(session: Session, play: Play, row: int) -> None:
    played = play("2:07.")
    reply = ended(answer_question(session, f"What was the club of Runner{row}?"))
    assert not any(map(counts_alone, played.consulted))
    assert any(f"Runner{row} Petrov" in passage.text for passage in reply.passages)


def test_rows_with_a_value_that_is_named_are_counted(session: Session, play: Play) -> None:
    played = play("14.")
    reply = ended(answer_question(session, "How many runners has the Laufclub?"))
    named = ["Counted: 14 rows with club: Laufclub" in text for text in played.consulted]
    assert named == [True, False, True]
    assert reply.text == '14.\n"club: Laufclub (14)" [counted]'


def test_where_the_counts_do_not_tell_the_rows_are_read(session: Session, play: Play) -> None:
    played = play("Bergziegen.", affirmed=-5.0)
    reply = ended(answer_question(session, MOST))
    assert [counts_alone(text) for text in played.consulted[:2]] == [True, False]
    assert len(played.requests) == 1
    assert not reply.found


def test_where_what_is_written_from_them_is_no_answer_the_rows_are_read(session: Session, play: Play) -> None:
    played = play("It is a race.", answers=-5.0)
    reply = ended(answer_question(session, MOST))
    assert len(played.requests) == 2
    assert not reply.found
    assert "Runner" in reply.passages[0].text


def test_counts_that_do_not_fit_are_left_out(session: Session) -> None:
    assert counted(session, MOST, 100) is not None
    assert counted(session, MOST, session.cache.geometry.cache_size) is None


def test_a_table_that_is_seen_whole_is_not_asked_for_its_counts(reader: str, tmp_path: Path) -> None:
    (tmp_path / "race.csv").write_text("name,club\nPell,Ibex\nCrane,Ibex\nLenz,Lynx\n")
    assert counted(searched([tmp_path / "race.csv"], reader), MOST, 100) is None


def test_beside_other_documents_a_table_is_not_asked_alone(reader: str, tmp_path: Path) -> None:
    (tmp_path / "race.csv").write_text(f"rank,name,club,time\n{ROWS}")
    (tmp_path / "minutes.txt").write_text("Most runners are from the Ibex club, said the chair.\n" * 5)
    assert counted(searched([tmp_path / "race.csv", tmp_path / "minutes.txt"], reader), MOST, 100) is None
    assert counted(searched([tmp_path / "race.csv"], reader), MOST, 100) is not None


def test_prose_has_no_counts(reader: str, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("The race was run by 40 people of two clubs. It rained.\n" * 5)
    assert counted(searched([tmp_path / "note.txt"], reader), MOST, 100) is None

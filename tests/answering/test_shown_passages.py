"""What is read again for a question: the frame of the document, and as many passages as there is room for."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from freqkv_cli.answering.shown_passages import EDGE, describe, gather, shortened, shown
from freqkv_cli.errors import UsageError
from freqkv_cli.location import Location
from freqkv_cli.reading.session import Session
from freqkv_cli.retrieval.passage import Passage
from tests.reading.playing import searched

SEA = "Nothing happened on the sea between the islands for many days and nights. "
CHAPTERS = [f"CHAPTER {number}\n\n{SEA * 6}\nThe guest of chapter {number} had a dog.\n\n" for number in range(1, 9)]
FACT = "The cook of the ship was called Ambrose Pell."


@pytest.fixture(scope="module")
def session(reader: str, tmp_path_factory: pytest.TempPathFactory) -> Session:
    path = tmp_path_factory.mktemp("texts") / "voyage.txt"
    path.write_text("".join(CHAPTERS[:4]) + f"{FACT}\n\n" + "".join(CHAPTERS[4:]))
    return searched([path], reader)


def test_the_frame_tells_what_the_document_is(session: Session) -> None:
    assert session.retriever is not None
    frame = describe(session.retriever)
    assert session.retriever.documents[0].name in frame
    assert all(f"CHAPTER {number}" in frame for number in range(1, 9))
    assert CHAPTERS[0][:100] in frame
    assert CHAPTERS[-1].strip()[-100:] in frame
    assert len(frame) < 2 * EDGE + 1500


def test_the_best_passage_stands_last(session: Session) -> None:
    evidence = gather(session, ["What was the cook called?"], 100)
    assert session.retriever is not None
    assert evidence.text.startswith(describe(session.retriever))
    assert FACT in evidence.passages[0].text
    assert evidence.text.endswith(shown(evidence.passages[0]))
    places = [evidence.text.rindex(shown(passage)) for passage in evidence.passages]
    assert places == sorted(places, reverse=True)


def test_a_part_that_is_named_is_read_in_its_order_behind_the_others(session: Session) -> None:
    evidence = gather(session, ["What happens in chapter 3?"], 100)
    assert evidence.passages[0].heading == "CHAPTER 3"
    assert evidence.text.endswith(shown(evidence.passages[0]))
    assert len({passage.index for passage in evidence.passages}) == len(evidence.passages)


def test_the_first_mention_of_a_name_is_read_before_the_passages_that_fit_best(reader: str, tmp_path: Path) -> None:
    path = tmp_path / "voyage.txt"
    first = f"There was a cook, Ambrose Pell, the son of a baker. {SEA * 6}\n\n"
    path.write_text("".join([first, *(f"Who was Pell? Was Ambrose Pell he? {SEA * 6}\n\n" for _ in range(12))]))
    session = searched([path], reader)
    assert session.retriever is not None
    evidence = gather(session, ["So who was Ambrose Pell?"], 100)
    assert session.retriever.index[0] in evidence.passages[1:]
    assert "baker" not in gather(session, ["So who was he?"], 100).text.partition(describe(session.retriever))[2]


@pytest.mark.parametrize("room", [100, 1000, 1500])
def test_what_is_gathered_fits_beside_the_room_asked_for(session: Session, room: int) -> None:
    evidence = gather(session, ["Who had a dog?"], room)
    cache = session.consult(evidence.text, room)
    assert cache.compressions == 0
    assert cache.room >= room
    assert len(evidence.passages) + evidence.left_out == session.settings.recall


def test_more_room_for_others_is_less_for_passages(session: Session) -> None:
    counts = [len(gather(session, ["Who had a dog?"], room).passages) for room in (100, 700, 1500)]
    assert counts[0] > counts[2] > 0
    assert counts == sorted(counts, reverse=True)


def test_where_nothing_fits_there_is_one_line(session: Session) -> None:
    with pytest.raises(UsageError, match="shorten the question") as refusal:
        gather(session, ["Who had a dog?"], 3500)
    assert "\n" not in refusal.value.message


def test_several_queries_are_looked_up(session: Session) -> None:
    alone = gather(session, ["And his dog?"], 300)
    together = gather(session, ["And his dog?", "the cook of the ship Ambrose Pell"], 300)
    assert not any(FACT in passage.text for passage in alone.passages[:1])
    assert any(FACT in passage.text for passage in together.passages)


@pytest.mark.parametrize(
    ("text", "heading", "expected"),
    [
        ("It rained.", "CHAPTER 1", "[CHAPTER 1]\nIt rained."),
        ("CHAPTER 1\n\nIt rained.", "CHAPTER 1", "CHAPTER 1\n\nIt rained."),
        ("It rained.", None, "It rained."),
    ],
)
def test_a_passage_is_shown_under_its_heading(text: str, heading: str | None, expected: str) -> None:
    assert shown(Passage(text, 0, 0, Location(heading=heading))) == expected


@pytest.mark.parametrize(("length", "expected"), [(100, "one two three"), (10, "one two ..."), (7, "one ...")])
def test_what_is_shortened_says_so(length: int, expected: str) -> None:
    assert shortened("one two three", length) == expected


def names(session: Session) -> Sequence[str]:
    assert session.retriever is not None
    return [document.name for document in session.retriever.documents]


def test_every_document_is_named(reader: str, tmp_path: Path) -> None:
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text(f"It rained in {name}.\n")
    session = searched([tmp_path / "one.txt", tmp_path / "two.txt"], reader)
    text = gather(session, ["Where did it rain?"], 100).text
    assert all(name in text for name in names(session))


def test_the_frame_of_a_log_has_the_lines_unlike_the_rest_and_they_can_be_cited(reader: str, tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    lines = [f"2026-11-29 {n // 60:02}:{n % 60:02}:00 web{n % 3} request {n} served in {n % 90} ms" for n in range(900)]
    lines[400] = "2026-11-29 06:40:00 pump Albatross stopped: bearing too hot"
    path.write_text("\n".join(lines) + "\n")
    log = searched([path], reader, recall=1)
    evidence = gather(log, ["What happened?"], 100)
    assert (
        f"900 lines of a log; those least like the rest:\n{lines[400]}\n{lines[899]} (the last of 899 like it"
        in evidence.text
    )
    assert ("2026-11-29 06:40:00, line 401", lines[400]) in [(one.place, one.text) for one in evidence.edges]

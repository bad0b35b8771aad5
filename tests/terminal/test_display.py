"""Events on their way to stdout and stderr."""

import io
import json
from typing import Any

import pytest
from rich.console import Console

from freqkv_cli.config import Output
from freqkv_cli.events import Answered, Asked, Done, Note, Progress, Text
from freqkv_cli.terminal.answer import AnswerWriter, HeldAnswer, JsonAnswer, JsonLinesAnswer, StreamedAnswer
from freqkv_cli.terminal.display import Display
from freqkv_cli.terminal.estimate import estimate_text
from freqkv_cli.terminal.summary import summary_line, timing_line
from tests.commands.fakes import ANSWER, SHOWN, counted, report


class Recorded:
    """Progress that notes what happens to it."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def say(self, text: str) -> None:
        self.shown.append(text)

    def update(self, progress: Progress) -> None:
        self.shown.append(progress.phase)

    def stop(self) -> None:
        self.shown.append("stop")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def display(
    output: Output | None = None, answer: AnswerWriter | None = None, on_screen: bool = False
) -> tuple[Display, Recorded, io.StringIO, io.StringIO]:
    out, err, progress = io.StringIO(), io.StringIO(), Recorded()
    console = Console(file=err, width=200, markup=False, highlight=False)
    shown = Display(
        "ask", console, progress, answer or StreamedAnswer(out), output or Output(), answer_on_screen=on_screen
    )
    return shown, progress, out, err


def test_progress_stops_before_the_answer_on_the_same_screen_and_stays_away() -> None:
    shown, progress, out, _ = display(on_screen=True)
    for event in (Progress("reading"), Text("a"), Progress("answering"), Text("b"), Done(report("ask"))):
        shown.show(event)
    assert progress.shown[:2] == ["reading", "stop"]
    assert "answering" not in progress.shown
    assert out.getvalue() == "ab\n"


def test_what_a_document_hides_reaches_neither_stdout_nor_stderr() -> None:
    shown, _, out, err = display(Output(verbose=True))
    hidden = "a\u202eb\u2066c\u200bd\x1b[2Je"
    for event in (
        Note(hidden, warning=True),
        Asked(hidden, 1),
        Text(hidden),
        Done({**report("ask"), "model": {"id": hidden}}),
    ):
        shown.show(event)
    for text in (out.getvalue(), err.getvalue()):
        assert "abcd[2Je" in text
        assert not set(text) & set("\u202e\u2066\u200b\x1b")


def test_progress_goes_on_while_the_answer_goes_elsewhere() -> None:
    shown, progress, _, _ = display()
    for event in (Progress("reading"), Text("a"), Progress("answering")):
        shown.show(event)
    assert progress.shown == ["reading", "answering"]


def test_a_note_that_is_wanted_is_shown_unless_all_is_quiet() -> None:
    for quiet, lines in ((False, ["freqkv: Chapter 1: Anna left."]), (True, [])):
        shown, _, _, err = display(Output(quiet=quiet))
        shown.show(Note("Chapter 1: Anna left.", wanted=True))
        assert err.getvalue().splitlines() == lines


def test_a_warning_during_the_answer_waits_for_its_end() -> None:
    shown, _, out, err = display(on_screen=True)
    for event in (Text("a"), Note("slow", warning=True), Note("slow", warning=True), Text("b")):
        shown.show(event)
    assert err.getvalue() == ""
    shown.show(Done(report("ask")))
    assert out.getvalue() == "ab\n"
    assert err.getvalue().splitlines() == ["freqkv: warning: slow", summary_line(report("ask"))]


@pytest.mark.parametrize(
    ("output", "lines"),
    [
        (Output(), ["freqkv: warning: w [red]"]),
        (Output(verbose=True), ["freqkv: warning: w [red]", "freqkv: n"]),
        (Output(quiet=True), []),
        (Output(quiet=True, verbose=True), []),
    ],
)
def test_notes(output: Output, lines: list[str]) -> None:
    shown, _, _, err = display(output)
    for note in (Note("w [red]\x1b", warning=True), Note("n"), Note("w [red]\x1b", warning=True)):
        shown.show(note)
    assert err.getvalue().splitlines() == lines


def test_an_interrupted_answer_is_ended_and_said() -> None:
    shown, _, out, err = display()
    shown.interrupted()
    assert (out.getvalue(), err.getvalue()) == ("", "")
    shown.show(Text("half"))
    shown.interrupted()
    shown.interrupted()
    assert (out.getvalue(), err.getvalue()) == ("half\n", "freqkv: interrupted, the answer is incomplete\n")


def test_a_report_ends_what_an_interrupt_cannot_repeat() -> None:
    shown, _, out, _ = display()
    for event in (Text("whole"), Done(report("ask"))):
        shown.show(event)
    shown.interrupted()
    assert out.getvalue() == "whole\n"


def test_three_ways_to_write_an_answer() -> None:
    for terminal in (io.StringIO(), Terminal()):
        streamed, held, as_json = type(terminal)(), type(terminal)(), type(terminal)()
        for answer in (StreamedAnswer(streamed), HeldAnswer(held), JsonAnswer(as_json)):
            assert not answer.begun
            for piece in ANSWER:
                answer.add(piece)
            assert answer.begun
            answer.finish(report("ask", "".join(ANSWER)))
        assert streamed.getvalue() == held.getvalue() == SHOWN
        assert json.loads(as_json.getvalue()) == report("ask", "".join(ANSWER))
        assert (as_json.getvalue().count("\n") == 1) is not terminal.isatty()


@pytest.mark.parametrize("way", [StreamedAnswer, HeldAnswer])
def test_several_answers_are_blocks_under_their_questions(way: type[StreamedAnswer] | type[HeldAnswer]) -> None:
    out = io.StringIO()
    shown, _, _, err = display(answer=way(out))
    events = (
        Asked("Who\n\x1bis it?", 1),
        Text("A sis"),
        Text("ter."),
        Note("slow", warning=True),
        Answered({"text": "A sister."}),
        Asked("", 2),
        Answered({"error": "the question is empty"}),
        Asked("Where?", 3),
        Text("Here"),
        Answered({"text": "Here", "finish_reason": "interrupted"}),
        Done(report("ask")),
    )
    for event in events:
        shown.show(event)
    assert out.getvalue() == "> Who is it?\nA sister.\n\n> \n(no answer: the question is empty)\n\n> Where?\nHere\n"
    assert err.getvalue().splitlines() == [
        "freqkv: warning: slow",
        "freqkv: interrupted, the answer is incomplete",
        summary_line(report("ask")),
    ]


def test_several_answers_as_json() -> None:
    lines, whole = io.StringIO(), io.StringIO()
    first, second = {"number": 1, "text": "a"}, {"number": 2, "error": "b"}
    for answer in (JsonLinesAnswer(lines), JsonAnswer(whole)):
        shown, _, _, _ = display(answer=answer)
        for event in (Asked("?", 1), Text("a"), Answered(first), Asked("!", 2), Answered(second)):
            shown.show(event)
        assert not answer.begun
        shown.show(Done({"command": "ask", "answers": [first, second]}))
    assert [json.loads(line) for line in lines.getvalue().splitlines()] == [first, second]
    assert json.loads(whole.getvalue()) == {"command": "ask", "answers": [first, second]}


def test_held_is_written_at_once() -> None:
    out = io.StringIO()
    answer = HeldAnswer(out)
    answer.add("a")
    assert out.getvalue() == ""
    answer.finish(report("ask"))
    assert out.getvalue() == "a\n"


def test_json_keeps_what_it_cannot_show() -> None:
    out = io.StringIO()
    text = "é \x1b[31m \x7f \x9b31m \u2028 漢"
    JsonAnswer(out).finish(report("ask", text))
    assert json.loads(out.getvalue())["text"] == text
    assert not any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 for letter in out.getvalue().rstrip("\n"))
    assert "é" in out.getvalue()


def test_the_summary_leaves_out_what_is_not_known() -> None:
    assert summary_line({"tokens_read": 5, "tokens_dropped": 2}) == "read 5 of 7 tokens, 2 dropped"
    full: dict[str, Any] = {**report("ask"), "finish_reason": "length", "memory": {"gpu_peak_bytes": 2**31}}
    assert summary_line(full).endswith(
        "GPU peak 2.00 GiB · cache 45.0 MiB · smollm2 (none, bfloat16, cpu) · freqkv · answer cut at its length limit"
    )


def test_the_timing_breakdown() -> None:
    timing = {"load_s": 2.0, "read_s": 30.0, "compression_s": 0.4, "first_token_s": 0.2, "answer_s": 4.0}
    told = timing_line({"timing": {**timing, "decode_tokens_per_second": 25.04}, "cache": {"compressions": 1}})
    assert told == (
        "load 2.0 s · read 30 s · compression 0.4 s · first token 0.2 s · answer 4.0 s · "
        "25.0 tok/s written · 1 compression"
    )
    assert timing_line({}) == ""


def test_a_count_is_a_table() -> None:
    assert estimate_text(counted()).splitlines() == [
        "book.pdf   pdf   98 pages  165,213 tokens",
        "notes.txt  text                   1 token",
        "total                      165,214 tokens",
        "reading takes about 3:34 min",
        "memory about 1.00 GiB (weights 256 MiB, cache 45.0 MiB): it fits",
    ]
    alone = {
        "input": [{"path": "a\x1b.txt", "type": "text", "tokens": 3}],
        "tokens": 3,
        "fits": False,
        "estimated": {"read_s": 0.5, "memory_bytes": 2**30},
    }
    assert "\nleft out: comments (2)\n" in estimate_text({"input": [{"path": "a", "left_out": {"comments": 2}}]})
    assert estimate_text(alone).splitlines() == [
        "a.txt  text    3 tokens",
        "reading takes about 0.5 s",
        "memory about 1.00 GiB: it does not fit",
    ]

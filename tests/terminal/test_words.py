"""Numbers, cleaned text and the lines of progress."""

import dataclasses
import json
import unicodedata

import pytest

from freqkv_cli.events import Progress
from freqkv_cli.terminal import number_format
from freqkv_cli.terminal.answer import json_text
from freqkv_cli.terminal.printable import one_line, printable
from freqkv_cli.terminal.wording import plain, words
from tests.commands.fakes import MIB, reading


def test_control_characters_go_and_everything_else_stays() -> None:
    every = "".join(map(chr, range(0x250)))
    kept = printable(every)
    assert set(every) - set(kept) == {*map(chr, range(32)), *map(chr, range(0x7F, 0xA0)), "\xad"} - {"\n", "\t"}
    assert printable("[red]x[/red] 漢字 é \U0001f600") == "[red]x[/red] 漢字 é \U0001f600"
    assert printable("\x1b]0;title\x07\x1b[31mred\r\n") == "]0;title[31mred\n"
    assert one_line(" a\n\tb\x1b c ") == "a b c"


def test_nothing_turns_the_direction_and_nothing_is_invisible() -> None:
    """By Unicode's own tables: characters that only format, but those that belong to a script and are drawn."""
    drawn = {char for char in map(chr, range(0x110000)) if unicodedata.bidirectional(char) in ("AN", "AL", "L")}
    drawn -= {"\u061c", "\u200e", "\u200f"}
    for char in map(chr, range(0x110000)):
        if unicodedata.category(char) == "Cf" and char not in drawn:
            assert printable(f"a{char}b") == "ab", hex(ord(char))
    assert printable("guest \u202eecilA\u202c") == "guest ecilA"
    assert one_line("a\u2028b\u2029c") == "a b c"


def test_joiners_stay_where_a_script_needs_them() -> None:
    family, persian = "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    assert printable(family) == family
    assert printable(persian) == persian
    assert printable("pay\u200dpal \u200cx\u200d.") == "paypal x."
    assert printable("❤\ufe0f") == "❤\ufe0f"


def test_json_escapes_what_would_not_be_printed() -> None:
    told = {"text": "a\u202eb\x9bc\u200b\U000e0041 漢\n"}
    shown = json_text(told, indented=True)
    assert printable(shown) == shown
    assert json.loads(shown) == told
    assert "漢" in shown


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (number_format.whole(165213.4), "165,213"),
        (number_format.short(999), "999"),
        (number_format.short(45213), "45.2k"),
        (number_format.short(165213), "165k"),
        (number_format.short(1234567), "1.23M"),
        (number_format.memory(512), "512 B"),
        (number_format.memory(45 * MIB), "45.0 MiB"),
        (number_format.memory(1044 * MIB), "1.02 GiB"),
        (number_format.memory(256 * MIB), "256 MiB"),
        (number_format.seconds(3.21), "3.2 s"),
        (number_format.seconds(1214.2), "1,214 s"),
        (number_format.clock(156), "2:36"),
        (number_format.clock(3756), "1:02:36"),
        (number_format.plural(1, "page"), "1 page"),
        (number_format.plural(1098, "page"), "1,098 pages"),
    ],
)
def test_figures(shown: str, text: str) -> None:
    assert shown == text


@pytest.mark.parametrize("width", [20, 40, 57, 77, 95, 97, 117, 200])
@pytest.mark.parametrize("gpu", [None, 3 * 1024 * MIB])
@pytest.mark.parametrize("source", ["a.txt", "pride_and_prejudice.pdf", "傲慢與偏見" * 9, "x\n\x1b[31m" * 30, ""])
def test_progress_never_is_wider_than_the_terminal(width: int, gpu: int | None, source: str) -> None:
    from rich.cells import cell_len

    for share in (0.0, 0.07, 0.5, 1.0):
        said = words(dataclasses.replace(reading(share), source=source, gpu_bytes=gpu), width)
        assert cell_len(said.head) + said.bar + len(said.tail) + 2 * bool(said.tail) <= width + (not said.bar)
        assert cell_len(said.figures) <= width
        assert "\x1b" not in said.head
        assert said.figures.split(" tok")[0]


def test_what_matters_least_goes_first() -> None:
    on_gpu = dataclasses.replace(reading(0.5), gpu_bytes=3 * 1024 * MIB)
    assert words(on_gpu, 117).figures == (
        "82,606 of ~165,213 tokens  slots 1807/2048  cache 45.0 MiB  80 compressions  RSS 1.02 GiB  GPU 3.00 GiB  107 s"
    )
    assert words(on_gpu, 77).figures == "82.6k/~165k tok  slots 1807/2048  cache 45.0 MiB  80 compr.  GPU 3.00 GiB"
    assert words(on_gpu, 57).figures == "82.6k/~165k tok  slots 1807/2048  cache 45.0 MiB"
    assert words(on_gpu, 117).tail == " 50%  ETA  1:47  page 200/400  771 tok/s"
    assert words(on_gpu, 77).tail == " 50%  ETA  1:47  p. 200/400  771 tok/s"
    assert words(on_gpu, 57).tail == " 50%  ETA  1:47  p. 200/400"


def test_the_fields_of_the_first_line_stay_in_their_place() -> None:
    lines = [words(reading(step / 20), 77) for step in range(21)]
    assert {(len(line.head), line.bar, len(line.tail)) for line in lines} == {(len(lines[0].head), lines[0].bar, 38)}


def test_an_unknown_total_shows_no_share_and_a_low_estimate_is_raised() -> None:
    unknown = Progress("reading", source="-", tokens_done=500, tokens_per_second=10.0)
    assert (words(unknown, 77).bar, words(unknown, 77).tail, words(unknown, 77).figures) == (
        0,
        "10 tok/s",
        "500 tokens",
    )
    low = Progress("reading", source="a", tokens_done=500, tokens_total=400)
    assert words(low, 120).figures == "500 of ~500 tokens"
    assert words(low, 120).tail == "100%"


def test_an_exact_total_has_no_tilde() -> None:
    assert plain(reading(1.0)) == (
        "reading pride_and_prejudice.pdf: 100%, ETA 0:00, page 400/400, 771 tok/s, 165,213 of 165,213 tokens, "
        "slots 1807/2048, cache 45.0 MiB, 160 compressions, RSS 1.02 GiB, 214 s"
    )


def test_answering_counts_tokens() -> None:
    answering = Progress("answering", tokens_done=57, tokens_per_second=25.0)
    assert (words(answering, 77).head, words(answering, 77).tail) == ("answering", "25 tok/s")
    assert plain(answering) == "answering: 25 tok/s, 57 tokens"


def test_loading_names_the_whole_model() -> None:
    assert plain(Progress("loading", source="org/model")) == "loading org/model"
    assert words(Progress("loading", source="org/model"), 77).head == "loading org/model"


def test_a_download_is_counted_in_bytes() -> None:
    download = Progress("loading", source="smollm2", tokens_done=45 * MIB, tokens_total=180 * MIB)
    said = words(download, 77)
    assert (said.head, said.tail, said.figures) == ("loading smollm2", " 25%  45.0 MiB of 180 MiB", "")
    assert plain(download) == "loading smollm2: 25%, 45.0 MiB of 180 MiB"


def test_the_title_of_a_section_in_the_progress_is_cleaned() -> None:
    shown = words(dataclasses.replace(reading(0.5), detail="section 2: \x1b[31m\u202eevil\n"), 120)
    assert shown.figures.startswith("section 2: [31mevil")

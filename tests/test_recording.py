"""The recording of the README: what a terminal was told becomes screens, and these a picture that plays."""

import re
from xml.etree import ElementTree

import pytest

from tests import recording
from tests.recording import COLUMNS, ROWS, SCREENS, draw, screens, spread


def test_lines_that_are_redrawn_take_each_others_place() -> None:
    pieces = [(0.1, "one\r\ntwo"), (0.2, "\r\x1b[2K\x1b[1A\x1b[2K\x1b[32mhalf\x1b[0m\r\ndone"), (0.3, "\x1b[?25h")]
    assert screens(iter(pieces)) == [(0.1, ["one", "two"]), (0.2, ["\x1b[32mhalf\x1b[0m", "done"])]


def test_a_control_that_comes_in_two_pieces_is_one() -> None:
    assert screens(iter([(0.1, "gone\x1b["), (0.2, "2Kthere")]))[-1] == (0.2, ["there"])


def test_the_last_screen_is_among_those_that_are_shown() -> None:
    shown = [(number / 10, [str(number)]) for number in range(200)]
    chosen = spread(shown)
    assert len(chosen) == SCREENS
    assert (chosen[0], chosen[-1]) == (shown[0], shown[-1])


@pytest.mark.parametrize("seconds", [3.0, 60.0])
def test_the_picture_plays_what_was_written_and_says_how_fast(seconds: float) -> None:
    picture = draw([(0.0, ["$ freqkv"]), (seconds, ["$ freqkv", "x" * (COLUMNS + 5), *map(str, range(2 * ROWS))])])
    ElementTree.fromstring(picture)
    assert picture.count("class='screen'") == 2
    assert ("times" in picture) is (seconds > recording.LONGEST)
    assert f">{2 * ROWS - 1}<" in picture
    assert re.search(r"https?://(?!www\.w3\.org/2000/svg)", picture) is None
    assert picture == draw(
        [(0.0, ["$ freqkv"]), (seconds, ["$ freqkv", "x" * (COLUMNS + 5), *map(str, range(2 * ROWS))])]
    )

"""The figures of the house hold. What does not yet is listed here: take away from these lists, add nothing to them."""

from tests import house

LONG_FILES = {"freqkv_cli/commands/evaluate.py", "freqkv_cli/reading/session.py"}
LARGE_ROOMS = {"freqkv_cli/documents", "freqkv_cli/evaluation"}
MEASURING_LINES = 6500  # to become house.LARGEST_MEASURING
CLASSES_USED_TWICE = {"Part", "Question", "Reader"}
PRIVATE_WORDS = {("docs/evaluation.md", "verdicts"), ("freqkv_cli/reading/run_in_thread.py", "relay")}


def test_no_file_is_long() -> None:
    assert set(house.long_files()) <= LONG_FILES


def test_no_room_is_large() -> None:
    assert set(house.large_rooms()) <= LARGE_ROOMS


def test_what_measures_stays_small_beside_what_reads() -> None:
    assert house.measuring_lines() <= MEASURING_LINES


def test_no_class_is_called_like_another() -> None:
    assert house.classes_used_twice() <= CLASSES_USED_TWICE


def test_names_and_docs_use_the_words_of_the_field() -> None:
    assert house.private_words() <= PRIVATE_WORDS


def test_the_figures_see_an_offence() -> None:
    assert house._holds("see take_back() there", "take_back")
    assert not house._holds("bookshelf", "shelf")

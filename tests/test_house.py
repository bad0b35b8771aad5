"""The figures of the house hold."""

from tests import house


def test_no_file_is_long() -> None:
    assert house.long_files() == {}


def test_no_room_is_large() -> None:
    assert house.large_rooms() == {}


def test_what_measures_stays_small_beside_what_reads() -> None:
    assert house.measuring_lines() <= house.LARGEST_MEASURING


def test_no_class_is_called_like_another() -> None:
    assert house.classes_used_twice() == set()


def test_no_class_holds_much_that_changes() -> None:
    assert house.changing_classes() == {}


def test_names_and_docs_use_the_words_of_the_field() -> None:
    assert house.private_words() == set()


def test_the_figures_see_an_offence() -> None:
    assert house._holds("see take_back() there", "take_back")
    assert not house._holds("bookshelf", "shelf")

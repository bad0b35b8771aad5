"""Ligatures without a Unicode value become the letters that the words of the document, or common words, have there."""

import pytest

from freqkv_cli.documents.pdf.ligatures import Ligatures


def test_presentation_forms_are_letters() -> None:
    assert Ligatures().restore("\ufb01rst o\ufb03ce \ufb02eet") == "first office fleet"


def test_one_glyph_may_stand_for_several_ligatures() -> None:
    ligatures = Ligatures()
    text = "The chief o\ufffdicer of the \ufffdeet made an e\ufffdort to \ue000nd the \ue000rst copy."
    assert ligatures.restore(text) == "The chief officer of the fleet made an effort to find the first copy."
    assert (ligatures.restored, ligatures.unknown) == (5, 0)


def test_the_words_of_the_document_come_first() -> None:
    ligatures = Ligatures()
    assert ligatures.restore("Snæ\ue001 met Zo\ufffdn.") == "Snæ\ufffd met Zo\ufffdn."
    assert ligatures.unknown == 2
    ligatures.learn("Snæfl met Zofln.")
    assert ligatures.restore("Snæ\ue001 met Zo\ufffdn.") == "Snæfl met Zofln."


def test_what_a_glyph_is_elsewhere_helps_where_no_word_is_known() -> None:
    ligatures = Ligatures()
    assert ligatures.restore("the \ue000rst \ue000nal \ue000ve, and Xy\ue000zz") == "the first final five, and Xyfizz"


@pytest.mark.parametrize("text", ["\ufffd\ufffd\ufffd \ufffd", "a\ufffdb\ufffdc\ufffdd"])
def test_what_cannot_be_told_is_left_and_counted(text: str) -> None:
    ligatures = Ligatures()
    assert ligatures.restore(text) == text
    assert ligatures.unknown == text.count("\ufffd")


def test_a_bullet_of_a_symbol_font() -> None:
    assert Ligatures().restore("\uf0b7 one\n\uf0b7 two") == "• one\n• two"


def test_a_page_of_letters_takes_no_time_to_speak_of() -> None:
    text = "x" * 200_000 + "\ufffd"
    assert Ligatures().restore(text) == text

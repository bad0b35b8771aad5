"""Languages, words and stems."""

import pytest

from freqkv_cli.retrieval.language import detect_language, language_name, stems, stop_words, words_of
from freqkv_cli.retrieval.sentences import clean_sentences, split_sentences

SAMPLES = {
    "en": "The keeper of the lighthouse has three goats and a blue boat that he has never used.",
    "de": "Der Leuchtturmw\u00e4rter hat drei Ziegen und ein blaues Boot, das er noch nie benutzt hat.",
    "es": "El guardi\u00e1n del faro tiene tres cabras y un barco azul que nunca ha usado en su vida.",
    "fr": "Le gardien du phare a trois ch\u00e8vres et un bateau bleu qu'il n'a jamais utilis\u00e9.",
    "zh": "\u706f\u5854\u770b\u5b88\u4eba\u6709\u4e09\u53ea\u5c71\u7f8a\u548c\u4e00\u8258\u84dd\u8239\u3002",
    "ja": "\u706f\u53f0\u5b88\u306f\u9752\u3044\u8239\u3092\u6301\u3063\u3066\u3044\u307e\u3059\u3002",
    "el": "\u039f \u03c6\u03cd\u03bb\u03b1\u03ba\u03b1\u03c2 \u03c4\u03bf\u03c5 \u03c6\u03ac\u03c1\u03bf\u03c5 "
    "\u03ad\u03c7\u03b5\u03b9 \u03ba\u03b1\u03c4\u03c3\u03af\u03ba\u03b5\u03c2.",
}


@pytest.mark.parametrize("language", SAMPLES)
def test_languages_are_told(language: str) -> None:
    assert detect_language(SAMPLES[language]) == language


@pytest.mark.parametrize("text", ["", "1815", "Ambrose Pell?", "-- ? --"])
def test_too_little_text_counts_as_english(text: str) -> None:
    assert detect_language(text) == "en"


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "galleries", "gallery"),
        ("de", "H\u00e4user", "Haus"),
        ("de", "Vertr\u00e4gen", "Vertrag"),
        ("es", "ni\u00f1as", "ni\u00f1a"),
        ("fr", "habitations", "habitation"),
        ("xx", "whatever", "whatever"),
    ],
)
def test_forms_of_a_word_have_one_stem(language: str, one: str, other: str) -> None:
    assert stems(one, language) == stems(other, language)


def test_words_of_scripts_without_spaces_are_characters() -> None:
    assert words_of("\u6771\u4eac is big_city") == ["\u6771", "\u4eac", "is", "big", "city"]


@pytest.mark.parametrize("number", ["12,345,678", "12.345.678", "12\u202f345\u202f678", "12'345'678", "12345678"])
def test_thousands_may_be_set_apart_in_any_way(number: str) -> None:
    assert words_of(f"{number} crowns") == ["12345678", "crowns"]


def test_what_is_no_mark_of_thousands_parts_numbers() -> None:
    assert words_of("3.5 of 12.10.2020, 12:30") == ["3", "5", "of", "12", "10", "2020", "12", "30"]


def test_words_that_say_nothing_are_known() -> None:
    assert {"the", "and"} <= stop_words("en")
    assert {"der", "und"} <= stop_words("de")
    assert stop_words("xx") == frozenset()


def test_languages_have_names() -> None:
    assert (language_name("de"), language_name("zz")) == ("German", "zz")


@pytest.mark.parametrize("language", ["en", "de", "zh", "zz"])
def test_sentences_join_to_the_text(language: str) -> None:
    text = " Mr. Pell came.\n\nHe was late... \u4eca\u5929\u5f88\u597d\u3002\u4ed6\u6765\u4e86\u3002 Why? "
    assert "".join(split_sentences(text, language)) == text


def test_sentences_of_several_lines_are_one_line_each() -> None:
    assert clean_sentences("Mr. Pell\ncame  home. ... He slept.") == ["Mr. Pell came home.", "He slept."]
    assert clean_sentences("\u4eca\u5929\u5f88\u597d\u3002\u4ed6\u6765\u4e86\u3002", "zh") == [
        "\u4eca\u5929\u5f88\u597d\u3002",
        "\u4ed6\u6765\u4e86\u3002",
    ]

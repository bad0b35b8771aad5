"""The language of a text, its words, their stems, and the words that say nothing of what is looked for."""

import calendar
import re
from functools import cache, lru_cache
from typing import Any

from freqkv_cli.retrieval.passage import SPACELESS

WORD = re.compile(rf"[{SPACELESS}]|[^\W_{SPACELESS}]+")
THOUSANDS = re.compile(r"(?<=\d)[.,'\u2019\u00a0\u202f](?=\d{3}(?!\d))")
SAMPLE = 2000  # characters that tell a language
NOUNS_ARE_CAPITAL = ("de", "lb")  # languages in which a capital letter alone makes no name
FEWEST = 20  # letters; of fewer the language cannot be told

MONTHS, DAYS = list(calendar.month_name), list(calendar.day_name)  # the first month is the second of the list

# The stemmers of Snowball by ISO 639-1 code; other languages are searched for by whole words.
STEMMERS = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "et": "estonian", "eu": "basque", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian",
    "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian", "ne": "nepali", "nl": "dutch",
    "no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish",
    "ta": "tamil", "tr": "turkish",
}  # fmt: skip
OTHERS = ("bg", "cs", "fa", "he", "hr", "ja", "ko", "pl", "sk", "sl", "th", "uk", "ur", "vi", "zh")
NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English",
    "es": "Spanish", "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian",
    "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "nl": "Dutch",
    "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sr": "Serbian",
    "sk": "Slovak", "sl": "Slovenian", "sv": "Swedish", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian",
    "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip


def words_of(text: str) -> list[str]:
    """Return the words of `text` in lowercase, and its numbers without the marks that set thousands apart; in scripts
    without spaces every character is a word.
    """
    return WORD.findall(THOUSANDS.sub("", text.lower()))


def detect_language(text: str) -> str:
    """Return the ISO 639-1 code of the language that `text` is most likely in; "en" where it is too short to tell."""
    sample = text[:SAMPLE]
    if sum(map(str.isalpha, sample)) < FEWEST and not re.search(rf"[{SPACELESS}]", sample):
        return "en"
    return str(_classifier().classify(sample)[0])


def spellings(word: str) -> tuple[str, ...]:
    """Return a word and how else it may stand in a text: "October" as "Oct" and "10", "Thursday" as "Thu"."""
    if word in MONTHS:
        number = MONTHS.index(word)
        return word, calendar.month_abbr[number], f"{number:02}", str(number)
    return (word, calendar.day_abbr[DAYS.index(word)]) if word in DAYS else (word,)


def language_name(code: str) -> str:
    """Return the English name of a language, by which a model is told what to write."""
    return NAMES.get(code, code)


def written_in(code: str) -> str:
    """Return how a model is told to write in a language; nothing for English, in which it is asked."""
    return "" if code == "en" else f" in {language_name(code)}"


@cache
def stop_words(language: str) -> frozenset[str]:
    """Return the words that every text of a language is full of."""
    import stopwordsiso

    return frozenset(stopwordsiso.stopwords(language)) if stopwordsiso.has_lang(language) else frozenset()


@lru_cache(5_000)
def stem(word: str, language: str) -> str:
    """Return a word without its ending."""
    stemmer = _stemmer(language)
    return word if stemmer is None else str(stemmer.stemWord(word))


def stems(text: str, language: str) -> list[str]:
    """Return the stems of all words of a text, in order."""
    return [word if word.isascii() and word.isdigit() else stem(word, language) for word in words_of(text)]


@cache
def _stemmer(language: str) -> Any:
    if language not in STEMMERS:
        return None
    import snowballstemmer

    return snowballstemmer.stemmer(STEMMERS[language])


@cache
def _classifier() -> Any:
    import py3langid
    from py3langid import langid

    langid.set_languages([*STEMMERS, *OTHERS])
    return py3langid

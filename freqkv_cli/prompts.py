"""Every sentence that freqkv puts to a model, in one place. Prompts name the language to write in, in English."""

from typing import NamedTuple

INSTRUCTION = "You are a careful reader. You answer from the document that you are given."

# Answers.
ANSWER = "Question: {question}\nAnswer{language} from the text above, as shortly as the question allows."
FROM_MEMORY = "Question: {question}\nAnswer{language} from the document above, as shortly as the question allows."
ANSWERS = "Question: {question}\nReply: {answer}\nDoes this reply answer the question? Reply yes or no."
TELLS = "Does the text above tell the answer to this question: {question}\nReply yes or no."
EARLIER = "Earlier question: {question}\nEarlier answer: {answer}"


class Labels(NamedTuple):
    """How a reader of a language is told that a document does not say, that an answer is a guess, what is near, and
    which names and numbers stand nowhere in it.
    """

    not_said: str
    guess: str
    nearest: str
    not_found: str


LABELS = {
    "de": Labels("Das Dokument sagt dazu nichts.", "eine Vermutung", "am n\u00e4chsten", "nicht im Text gefunden"),
    "en": Labels("The document does not say.", "a guess", "nearest", "not found in the text"),
    "es": Labels(
        "El documento no lo dice.", "una suposici\u00f3n", "lo m\u00e1s cercano", "no se encuentra en el texto"
    ),
    "fr": Labels("Le document ne le dit pas.", "une supposition", "le plus proche", "absent du texte"),
    "it": Labels("Il documento non lo dice.", "un'ipotesi", "il pi\u00f9 vicino", "non trovato nel testo"),
    "nl": Labels("Het document zegt dat niet.", "een gok", "het dichtstbij", "niet gevonden in de tekst"),
    "pt": Labels("O documento n\u00e3o o diz.", "um palpite", "o mais pr\u00f3ximo", "n\u00e3o encontrado no texto"),
    "zh": Labels(
        "\u6587\u4e2d\u6ca1\u6709\u63d0\u5230\u3002",
        "\u731c\u6d4b",
        "\u6700\u63a5\u8fd1",
        "\u6587\u4e2d\u672a\u627e\u5230",
    ),
}

# Summaries.
NOTE = (
    "Sum up the text above{language} in one or two sentences, with the names of people and things.{kind}{focus} Do not "
    "speak of the text itself."
)
MERGE = (
    "Sum up the notes above in {sentences} sentences{language}, in their order, with the names of people and things. "
    "Do not speak of the text itself."
)
OPENING = (
    "Say{language} in one sentence what kind of document this is, and what or whom it is about.{focus} Do not list "
    "what it contains."
)
SUMMARY = (
    "Write a summary of this document{language} in about {words} words. Say first what kind of document it is and what "
    "it is about, then what matters most, in order, to its end.{kind} Write plain connected sentences, without a "
    "heading or a list.{focus}"
)
NOTE_KINDS = {"log": " It is a log: tell what went wrong or changed, and when."}
# What matters besides in documents of some kinds, by what the reader of the file found.
_LOG = " It is a log: say what happened, which errors there were, and when."
_TABLE = " It is a table: say what its columns are, how far it reaches, and which rows stand out."
_TALK = " It is a record of what was said: say who spoke, of what, and what was decided."
KINDS = {
    "log": _LOG,
    "csv": _TABLE,
    "xlsx": _TABLE,
    "ods": _TABLE,
    "subtitles": _TALK,
    "mbox": _TALK,
    "email": _TALK,
    "code": " It is source code: say what it does, and name its main parts.",
}
WRITE = " Write{language}."  # said once more, last: a small model forgets it else
FOCUS = " Keep to this topic: {focus}."


def labels_in(language: str) -> Labels:
    """Return what is told in a language; in English where it is not known how."""
    return LABELS.get(language, LABELS["en"])

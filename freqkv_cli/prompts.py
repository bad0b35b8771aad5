"""Every sentence that freqkv puts to a model, in one place. Prompts name the language to write in, in English."""

INSTRUCTION = "You are a careful reader. You answer from the document that you are given."

# Answers.
ANSWER = "Question: {question}\nAnswer{language} from the text above, as shortly as the question allows."
FROM_MEMORY = "Question: {question}\nAnswer{language} from the document above, as shortly as the question allows."
ANSWERS = "Question: {question}\nReply: {answer}\nDoes this reply answer the question? Reply yes or no."
TELLS = "Does the text above tell the answer to this question: {question}\nReply yes or no."
EARLIER = "Earlier question: {question}\nEarlier answer: {answer}"
NOT_SAID = {
    "de": "Das Dokument sagt dazu nichts.",
    "en": "The document does not say.",
    "es": "El documento no lo dice.",
    "fr": "Le document ne le dit pas.",
    "it": "Il documento non lo dice.",
    "nl": "Het document zegt dat niet.",
    "pt": "O documento n\u00e3o o diz.",
    "zh": "\u6587\u4e2d\u6ca1\u6709\u63d0\u5230\u3002",
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


def not_said(language: str) -> str:
    """Return how a reader of a language is told that a document does not say."""
    return NOT_SAID.get(language, NOT_SAID["en"])

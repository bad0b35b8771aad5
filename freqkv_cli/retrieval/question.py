"""Questions: the words of a question that say what to look for."""

# ruff: noqa: SIM905 - lists of words are read more easily as words

import re

from freqkv_cli.retrieval.passage import SPACELESS

SEARCH_WORD = re.compile(rf"[{SPACELESS}]|[^\W_{SPACELESS}]+")

# Words about the question or the document, not about what stands in it. Measured: without them the right passage of a
# novel is among the first five for two more of 24 questions.
FRAME = re.compile(
    r"\b(?:(?:(?:first|last|full|given|family) )?names?(?: of)?|called"
    r"|(?:at|in) the (?:beginning|start|end)(?: of the (?:story|book|novel|document|text))?"
    r"|(?:in|of|to|by) (?:the|this) (?:story|book|novel|document|text))\b",
    re.IGNORECASE,
)
STOP_WORDS = frozenset(
    "a about am an and any are as at be because been being but by can could did do does doing done for from had has"
    " have having he her here hers him his how i if in into is it its me might must my no nor not of on or our ours s"
    " shall she should so such t than that the their theirs them then there these they this those to upon us was we"
    " were what when where which who whom whose why will with would you your yours".split()
)


def question_words(question: str) -> list[str]:
    """Return the words to look for, each once and in order: lowercase, without the words every text is full of.

    A question that has no other words keeps those.
    """
    for text in (FRAME.sub(" ", question), question):
        words = [word for word in search_words(text) if word not in STOP_WORDS]
        if words:
            return list(dict.fromkeys(words))
    return list(dict.fromkeys(search_words(question)))


def search_words(text: str) -> list[str]:
    """Return the words of `text` in lowercase; in scripts without spaces every character is one."""
    return SEARCH_WORD.findall(text.lower())

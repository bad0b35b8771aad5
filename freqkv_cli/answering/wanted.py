"""What a question asks for: a person, a place, some other name, a number, or something else."""

import re
from enum import Enum

from freqkv_cli.retrieval.question import STOP_WORDS


class Wanted(Enum):
    """The kind of answer; only names and numbers can be picked out of a text without understanding it."""

    PERSON = "person"
    PLACE = "place"
    NAME = "name"
    NUMBER = "number"
    OTHER = "other"


NUMBER = re.compile(
    r"\bhow (?:many|much|old|long|far|large|big|tall|high|fast|heavy|wide|deep)\b"
    r"|\b(?:which|what)(?: is the)? (?:\w+ ){0,2}?(?:year|age|percentage|number|amount|sum|price|income|salary|distance"
    r"|size|weight|height|population|temperature|speed|port)\b",
    re.IGNORECASE,
)
WHO = re.compile(r"\b(?:who|whom|whose)\b", re.IGNORECASE)
# "Who is Mr. Darcy?" asks for more than a name.
WHO_IS_NAMED = re.compile(r"\bwho(?: (?:is|was|are|were)|['\u2019]s) (?-i:[A-Z])[^,]*$", re.IGNORECASE)
WHERE = re.compile(r"\bwhere\b", re.IGNORECASE)
NAMED = re.compile(r"\b(?:name (?:is|was|given)|names? of|called|named|title of)\b", re.IGNORECASE)
ASKING = re.compile(r"\b(?:which|what|name of)\b", re.IGNORECASE)
PEOPLE = (
    r"person|man|woman|boy|girl|child|baby|son|daughter|brother|sister|father|mother|parent|uncle|aunt|cousin|nephew"
    r"|niece|grand\w+|husband|wife|fianc\w+|friend|neighbou?r|servant|housekeeper|clergyman|officer|colonel|captain"
    r"|general|soldier|doctor|lawyer|teacher|master|king|queen|prince|princess|lord|lady|gentleman|author|writer|inventor"
    r"|founder|leader|president|chairman|minister|director|manager|developer|maintainer|patron|patroness|hero|heroine"
    r"|character|first name|maiden name|[Cc]hristian name|surname"
)
PLACES = (
    r"place|town|city|village|county|country|state|region|district|street|road|square|estate|house|residence|home|seat"
    r"|mansion|castle|abbey|parsonage|church|inn|hotel|school|university|college|island|river|mountain|sea\w*|harbou?r"
)
# In lowercase only: "Lady" and "Colonel" belong to the name of one.
KIND = re.compile(rf"\b(?:(?P<person>{PEOPLE})|(?P<place>{PLACES}))s?\b")
DATE = re.compile(r"\b(?:month|date|day)\b", re.IGNORECASE)  # more than a number
COPULA = re.compile(r"what (is|was|are|were) (.+?)\s*\?*\s*$", re.IGNORECASE | re.DOTALL)


def what_is_wanted(question: str) -> Wanted:
    """Return the kind of answer that a question asks for, by its question word and the noun that follows it."""
    if NUMBER.search(question):
        return Wanted.OTHER if DATE.search(question) and "how" not in question.lower() else Wanted.NUMBER
    if WHO_IS_NAMED.search(question):
        return Wanted.OTHER
    if WHO.search(question):
        return Wanted.PERSON
    if WHERE.search(question):
        return Wanted.PLACE
    if (asking := ASKING.search(question)) and (kind := KIND.search(question, asking.end())):
        named = NAMED.search(question) is not None
        near = len(question[asking.end() : kind.start()].split()) <= (12 if named else 2)
        if near:
            return Wanted.PERSON if kind.lastgroup == "person" else Wanted.PLACE
    return Wanted.NAME if NAMED.search(question) else Wanted.OTHER


def lead_in(question: str) -> str:
    """Return the beginning of a sentence that answers: "The name of the house is" for "What is the name of the house?".

    Empty where the question cannot simply be turned round.
    """
    match = COPULA.match(question.strip())
    if match is None:
        return ""
    verb, subject = match[1].lower(), " ".join(match[2].split())
    first = subject.split()[0].lower()
    if "," in subject or first in STOP_WORDS - {"the", "a", "an", "his", "her", "its", "their"}:
        return ""
    return f"{subject[0].upper()}{subject[1:]} {verb}"

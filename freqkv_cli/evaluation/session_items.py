"""What a session is about: facts for its context, by kind, and the turns that ask for them.

| kind | the context holds | a turn asks for |
|---|---|---|
| string | a random string for each of as many random keys as there are turns | the string of a key |
| kv | a number for each of as many things as there is room for | the number of a thing |
| hops | owners of things, and where each owner lives | where the owner of a thing lives |
| shots | words, over and over, each with the made-up label of its sort | the label of a new word |
| common | who sold what, over and over | what somebody sold most often |
| summary | sections that say at their start and end what they are about | what three of them are about, in order |

kv, shots and common fill the context; the others lie in other sentences. Each right answer has seven wrong ones of its
kind: answers to other questions, other labels, what the same person sold a third as often, the same subjects in another
order or with one that no section has. No turn gives away another's answer.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, cycle, islice, permutations, product
from statistics import fmean

from freqkv_cli.evaluation.needle_items import COLOURS, OTHERS, THINGS
from freqkv_cli.measurement.synthetic_text import SYLLABLES

MOST_TURNS = 24
DENSE = 0.9  # of a context that is filled with facts: their share of its tokens
IN_ORDER = 3  # sections that one turn asks for
ALPHABET = "bcdfghjkmnpqrstvwxz23456789"
LABELS = ("dax", "wug", "fep", "zib", "lorp", "mip", "tove", "gan")
SORTS = (
    "horse cow sheep goat tiger rabbit mouse lion camel wolf donkey monkey",
    "apple pear plum cherry lemon orange grape melon peach banana fig mango",
    "hammer saw drill chisel spade axe wrench file rake shovel pliers scissors",
    "king queen doctor teacher baker sailor farmer lawyer judge nurse painter priest",
    "shirt coat hat glove shoe skirt sock scarf jacket dress belt boot",
    "river lake sea pond stream ocean bay harbour creek canal marsh spring",
    "table chair bed sofa shelf cupboard bench stool wardrobe couch cradle mirror",
    "violin drum flute piano trumpet guitar harp horn organ cello banjo bell",
)
HELD_BACK = MOST_TURNS // len(LABELS)  # words of each sort that only the turns name
GOODS = (
    "hat coat chair table lamp clock knife basket mirror ring book map bell kettle blanket candle ladder barrel brush "
    "hammer rope drum flute saddle"
)
SUBJECTS = (
    "bees bridges clocks rivers storms horses castles markets gardens ships wolves mountains farms schools kings "
    "trains islands forests songs coins letters towers roads doctors candles deserts whales books pirates mirrors "
    "stars dances gloves apples soldiers windows bells tigers lamps glaciers knives poems spiders harbours "
    "circuses tunnels queens drums cheeses lakes rabbits carpets judges violins volcanoes churches eagles "
    "potatoes gates masks mines roses cattle painters statues wheels dogs swords prisons kitchens bakers ghosts "
    "maps fishermen theatres canals hotels oceans"
)


@dataclass(frozen=True, slots=True)
class SessionTurn:
    """A turn of a session: `answer` follows `question`, and so might `others`."""

    kind: str
    question: str
    answer: str
    others: tuple[str, ...]


@dataclass(slots=True)
class Material:
    """Sentences, each with its place in the context (0 to 1), and turns about them; none where there was no room."""

    told: list[tuple[float, str]] = field(default_factory=list)
    turns: list[SessionTurn] = field(default_factory=list)


Measure = Callable[[str], int]  # from a sentence to its tokens
Maker = Callable[[random.Random, int, int, Measure], Material]


def strings(source: random.Random, room: int, turns: int, measure: Measure) -> Material:
    """Unique strings by unique keys; at least eight of them."""
    number = max(turns, OTHERS + 1)
    keys = _distinct(source, number, lambda: _string(source, 4))
    values = _distinct(source, number, lambda: _string(source, 8))
    found = Material(
        [(source.random(), f"The string of {key} is {value}.") for key, value in zip(keys, values, strict=True)]
    )
    for place in source.sample(range(number), turns):
        cue = f"The string of {keys[place]} is"
        asked = _asked(f"What is the string of {keys[place]}?", cue)
        found.turns.append(_turn(source, "string", asked, values[place], values))
    return found


def pairs(source: random.Random, room: int, turns: int, measure: Measure) -> Material:
    """A number for each of as many things as fit."""
    found, told, names, left = Material(), [], _names(source), room
    for name in names:
        thing = f"{source.choice(COLOURS)} {source.choice(THINGS)} of {name}"
        number = str(source.randrange(10_000, 100_000))
        sentence = f"The code of the {thing} is {number}."
        left -= measure(sentence)
        if left < 0:
            break
        told.append((thing, number))
        found.told.append((source.random(), sentence))
    if len(told) < max(turns, OTHERS + 1):
        return Material()
    numbers = [number for _, number in told]
    for thing, number in source.sample(told, turns):
        asked = _asked(f"What is the code of the {thing}?", f"The code of the {thing} is")
        found.turns.append(_turn(source, "kv", asked, number, numbers))
    return found


def hops(source: random.Random, room: int, turns: int, measure: Measure) -> Material:
    """Chains of two: a thing has an owner, the owner lives in a town."""
    number = max(turns, OTHERS + 1)
    things = source.sample([f"{colour} {thing}" for colour in COLOURS for thing in THINGS], number)
    names = list(islice(_names(source), 2 * number))
    owners, towns = names[:number], names[number:]
    found = Material()
    for thing, owner, town in zip(things, owners, towns, strict=True):
        found.told += [
            (source.random(), f"The {thing} belongs to {owner}."),
            (source.random(), f"{owner} lives in {town}."),
        ]
    for place in source.sample(range(number), turns):
        cue = f"The owner of the {things[place]} lives in"
        asked = _asked(f"Where does the owner of the {things[place]} live?", cue)
        found.turns.append(_turn(source, "hops", asked, towns[place], towns))
    return found


def shots(source: random.Random, room: int, turns: int, measure: Measure) -> Material:
    """Words with the label of their sort, again and again in another order; each sort at least twice."""
    labels = source.sample(LABELS, len(LABELS))
    shown, new = [], []
    for label, sort in zip(labels, SORTS, strict=True):
        sorted_words = sort.split()
        source.shuffle(sorted_words)
        new += [(word, label) for word in sorted_words[:HELD_BACK]]
        shown.append([(word, label) for word in sorted_words[HELD_BACK:]])
    found, left = Material(), room
    for example in cycle([example for shift in zip(*shown, strict=True) for example in shift]):
        sentence = f"The label of {example[0]} is {example[1]}."
        left -= measure(sentence)
        if left < 0:
            break
        found.told.append((source.random(), sentence))
    if len(found.told) < 2 * len(LABELS):
        return Material()
    for word, label in source.sample(new, turns):
        asked = _asked(f"What is the label of {word}?", f"The label of {word} is")
        found.turns.append(_turn(source, "shots", asked, label, labels))
    return found


def common(source: random.Random, room: int, turns: int, measure: Measure) -> Material:
    """For each turn a person who sold one thing three times as often as each of seven others."""
    names = list(islice(_names(source), turns))
    each = fmean(measure(f"{name} sold a {thing}.") for name in names for thing in GOODS.split())
    times = int(room / (each * turns * (OTHERS + 3)))
    if times < 1:
        return Material()
    found = Material()
    for name in names:
        most, *others = source.sample(GOODS.split(), OTHERS + 1)
        for thing in (most, most, most, *others):
            found.told += [(source.random(), f"{name} sold a {thing}.") for _ in range(times)]
        asked = _asked(f"What did {name} sell most often?", f"Most often {name} sold a")
        found.turns.append(_turn(source, "common", asked, most, [most, *others]))
    return found


def summary(source: random.Random, room: int, turns: int, measure: Measure) -> Material:
    """Three sections for each turn, in order."""
    number = IN_ORDER * turns
    subjects = source.sample(SUBJECTS.split(), len(SUBJECTS.split()))
    found = Material()
    for place, subject in enumerate(subjects[:number]):
        found.told += [
            (place / number, f"Section {place + 1} is about {subject}."),
            ((place + 0.9) / number, f"So much about {subject}."),
        ]
    for first in source.sample(range(0, number, IN_ORDER), turns):
        right = tuple(subjects[first : first + IN_ORDER])
        wrong = [order for order in permutations(right) if order != right]
        for foreign in source.sample(subjects[number:], OTHERS - len(wrong)):
            changed = source.randrange(IN_ORDER)
            wrong.append((*right[:changed], foreign, *right[changed + 1 :]))
        sections = f"ections {first + 1} to {first + IN_ORDER}"
        asked = _asked(f"What are s{sections} about, in this order?", f"S{sections} are about")
        found.turns.append(SessionTurn("summary", asked, _listed(right), tuple(map(_listed, wrong))))
    return found


MAKERS: dict[str, tuple[Maker, float]] = {  # with the share of the context that their facts may fill
    "string": (strings, 1.0),
    "kv": (pairs, DENSE),
    "hops": (hops, 1.0),
    "shots": (shots, DENSE),
    "common": (common, DENSE),
    "summary": (summary, 1.0),
}
MIXED = "mixed"
KINDS = (*MAKERS, MIXED)


def make_material(kind: str, source: random.Random, tokens: int, turns: int, measure: Measure) -> Material:
    """Return what a context of `tokens` tokens holds and `turns` turns, at most MOST_TURNS; `mixed`: of all kinds.

    Without turns where the facts have no room.
    """
    if kind != MIXED:
        maker, share = MAKERS[kind]
        return maker(source, int(share * tokens), turns, measure)
    whole = Material()
    own = -(-turns // len(MAKERS))
    for maker, _ in MAKERS.values():
        part = maker(source, int(DENSE * tokens / len(MAKERS)), own, measure)
        if not part.turns:
            return Material()
        whole.told += part.told
        whole.turns += part.turns
    source.shuffle(whole.turns)
    del whole.turns[turns:]
    return whole


def _asked(question: str, cue: str) -> str:
    return f"\n\nQuestion: {question}\nAnswer: {cue}"


def _turn(source: random.Random, kind: str, asked: str, answer: str, pool: Sequence[str]) -> SessionTurn:
    others = source.sample([other for other in pool if other != answer], OTHERS)
    return SessionTurn(kind, asked, f" {answer}", tuple(f" {other}" for other in others))


def _listed(subjects: Sequence[str]) -> str:
    return f" {', '.join(subjects[:-1])} and {subjects[-1]}"


def _string(source: random.Random, length: int) -> str:
    return "".join(source.choices(ALPHABET, k=length))


def _distinct(source: random.Random, number: int, make: Callable[[], str]) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < number:
        found[make()] = None
    return list(found)


def _names(source: random.Random) -> Iterator[str]:
    """Made-up names without end, no two alike: those of three syllables first."""
    for length in count(3):
        names = ["".join(syllables).capitalize() for syllables in product(SYLLABLES, repeat=length)]
        yield from source.sample(names, len(names))

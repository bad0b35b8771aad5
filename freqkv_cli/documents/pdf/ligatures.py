"""Ligatures: letters that a font draws as one glyph, and of which the file may not say what they are."""

import re
from collections import Counter
from itertools import product

from freqkv_cli.documents.pdf.words import UNKNOWN

PRESENTATION = {
    "\ufb00": "ff",
    "\ufb01": "fi",
    "\ufb02": "fl",
    "\ufb03": "ffi",
    "\ufb04": "ffl",
    "\ufb05": "st",
    "\ufb06": "st",
}
PRESENTATION_FORMS = str.maketrans(PRESENTATION)
CANDIDATES = ("fi", "ff", "fl", "ffi", "ffl", "ft", "tt", "ti", "th")
SYMBOL = rf"[\ue000-\uf8ff{UNKNOWN}]"
WORD_OR_BROKEN = re.compile(rf"(?:[^\W\d_]|['\u2019]|{SYMBOL})+")
GLYPH = re.compile(SYMBOL)
BULLET = re.compile(r"(?m)^([ \t]*)[\uf0a7\uf0b7\uf0d8\uf0fc\uf06c\uf06e\uf0a8](?=\s)")
VOCABULARY_LIMIT = 200_000  # different words that are remembered
SHORTEST_WORD = 3
MANY_GLYPHS = 2  # unknown glyphs of one word that are still tried
SURE = 1000  # that a word exists which the document spells out elsewhere, against the letters of a common stem

# Parts of common words with these letters, in English and its neighbours, for documents that spell none of them out.
STEMS = frozenset(
    """afford affair affect baffl beneficial benefi briefly brief buff certif chief classif cliff coffee confi conflict
    cuff deficit defin differ difficult effect efficien effort fiction field fier fifteen fift fifty fight figur file
    fill film final financ find fine finger finish fire firm first fish five fix flag flame flash flat flavo fleet flesh
    flew flexib flight float flock flood floor flour flow fluid flute fly gift graff identif infinit inflat influenc
    justif left magnif modif muffl notif off offend offer offic official often pacif profi profit qualif raffl reflect
    refus relief riff sacrif satisf scientif scuffl shift shuffl signif simplif soft specif staff stiff stuff suffer
    suffic suffix swift terrif traffic trifl trouffl unif verif waffl affluen affili attack attempt attent better battle
    bottle button cattle city committee cotton getting letter little matter pretty putting setting settle written
    chiffre effet fin finir fleur office offre officiel souffl finden fluss flug griff hoff pflicht schiff stoff treff
    fläche einfluss""".split()  # noqa: SIM905 - a list of words is read more easily so
)
STEM_INSIDE = 4  # letters that a stem must have to stand anywhere in a word


class Ligatures:
    """Restores ligatures page by page, by the words of the document that are spelled out and by common words."""

    def __init__(self) -> None:
        self.restored = 0
        self.unknown = 0
        self._vocabulary: set[str] = set()
        self._readings: dict[str, Counter[str]] = {}

    def learn(self, text: str) -> None:
        """Remember the words that a page spells out, before it is restored."""
        if len(self._vocabulary) < VOCABULARY_LIMIT:
            text = text.translate(PRESENTATION_FORMS).lower()
            whole = (word for word in WORD_OR_BROKEN.findall(text) if not GLYPH.search(word))
            self._vocabulary.update(word for word in whole if len(word) >= SHORTEST_WORD)

    def restore(self, text: str) -> str:
        """Return a text with its ligatures as letters. What cannot be told stays U+FFFD and is counted."""
        text = BULLET.sub("\\1•", text.translate(PRESENTATION_FORMS))
        if not GLYPH.search(text):
            return text
        for word in WORD_OR_BROKEN.findall(text):  # what is plain helps where it is not
            if GLYPH.search(word):
                self._note(word)
        return WORD_OR_BROKEN.sub(self._letters, text)

    def _note(self, word: str) -> None:
        """Remember what the glyphs of a word are if one reading of it is known."""
        reading, chosen, known, _ = self._best(word)
        if reading and known:
            for glyph, letters in zip(GLYPH.findall(word), chosen, strict=True):
                self._readings.setdefault(glyph, Counter())[letters] += 1

    def _letters(self, match: re.Match[str]) -> str:
        """Return a word with letters for its glyphs."""
        word = match[0]
        if not (count := len(GLYPH.findall(word))):
            return word
        reading, _, known, usual = self._best(word)
        if known or usual:
            self.restored += count
            return reading
        self.unknown += count
        return GLYPH.sub(UNKNOWN, word)

    def _best(self, word: str) -> tuple[str, tuple[str, ...], int, int]:
        """Return the likeliest reading, the letters of its glyphs, how well it is known and how often they were so."""
        glyphs = GLYPH.findall(word)
        if len(glyphs) > MANY_GLYPHS or len(word) == len(glyphs):
            return "", (), 0, 0
        best: tuple[str, tuple[str, ...], int, int] = ("", (), 0, 0)
        for chosen in product(CANDIDATES, repeat=len(glyphs)):
            letters = iter(chosen)
            text = GLYPH.sub(lambda _: next(letters), word)  # noqa: B023 - used up before the next round
            usual = sum(self._readings.get(glyph, Counter())[one] for glyph, one in zip(glyphs, chosen, strict=True))
            known = self._known(text.lower())
            if not best[0] or (known, usual) > best[2:]:
                best = (text, chosen, known, usual)
        return best

    def _known(self, word: str) -> int:
        """Return how sure it is that a word exists, 0 for not at all."""
        word = word.strip("'\u2019")
        if word in self._vocabulary:
            return SURE
        fitting = (one for one in STEMS if (one in word if len(one) >= STEM_INSIDE else word.startswith(one)))
        return max((len(stem) for stem in fitting), default=0)

"""What an answer may say next: where it repeats words of its request, the words that followed there.

Writing is bound by memory: one forward reads all weights, for one token or for eight. An answer that quotes the
passages in its request is therefore written several tokens at a time (prompt lookup). The guess is free, and the model
has the last word: what it would not have picked itself is thrown away. A wrong token costs about a third of a forward
on a CPU (docs/experiments.md), so guesses are short until they prove right.
"""

from collections.abc import Sequence

ALIKE = (3, 2)  # tokens that must agree before the next ones are guessed, the better evidence first
LONGEST = 7  # tokens guessed at once
SHORT = 1  # to begin with


class PromptLookup:
    """Guesses from `context`, the ids of the request, and from the answer itself."""

    def __init__(self, context: Sequence[int]) -> None:
        self.context = list(context)
        self._length = SHORT

    def guess(self, picked: Sequence[int], most: int, stop: frozenset[int]) -> list[int]:
        """Return up to `most` tokens that may follow `picked`, none of them in `stop`; [] without evidence."""
        known = [*self.context, *picked]
        for size in ALIKE:
            ending = known[-size:]
            for start in range(len(known) - size - 1, -1, -1):
                if known[start : start + size] == ending:
                    after = known[start + size : start + size + max(0, min(most, self._length))]
                    end = next((place for place, token in enumerate(after) if token in stop), len(after))
                    return after[:end]
        return []

    def learn(self, guessed: int, right: int) -> None:
        """Take notice that the first `right` tokens of a guess of `guessed` were right: the next one is longer if all
        were, and as long as that has been right otherwise.
        """
        if guessed:
            self._length = min(LONGEST, 2 * guessed + 1) if right == guessed else max(SHORT, right)

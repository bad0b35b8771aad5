"""Guesses are what followed last time, and as long as they have proved right."""

from freqkv_cli.inference.prompt_lookup import LONGEST, SHORT, PromptLookup

NONE: frozenset[int] = frozenset()


def test_a_guess_is_what_followed_the_same_words() -> None:
    lookup = PromptLookup(list(range(50)))
    assert lookup.guess([99, 10, 11, 12], 20, NONE) == list(range(13, 13 + SHORT))
    assert lookup.guess([99, 98, 97], 20, NONE) == []


def test_guesses_grow_while_they_are_right_and_shrink_to_what_was() -> None:
    lookup = PromptLookup(list(range(50)))

    def length() -> int:
        return len(lookup.guess([10, 11, 12], 20, NONE))

    lengths = [length()]
    for _ in range(4):
        lookup.learn(length(), length())
        lengths.append(length())
    assert lengths == sorted(lengths)
    assert lengths[-1] == LONGEST
    lookup.learn(LONGEST, 3)
    assert length() == 3
    lookup.learn(3, 0)
    assert length() == SHORT
    lookup.learn(0, 0)  # nothing was guessed, nothing is learned
    assert length() == SHORT


def test_a_guess_ends_before_a_stop_token_and_where_there_is_no_room() -> None:
    lookup = PromptLookup(list(range(50)))
    for _ in range(4):
        lookup.learn(LONGEST, LONGEST)
    assert lookup.guess([10, 11, 12], 20, frozenset({15})) == [13, 14]
    assert lookup.guess([10, 11, 12], 1, NONE) == [13]
    assert lookup.guess([10, 11, 12], 0, NONE) == []

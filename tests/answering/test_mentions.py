"""Names, numbers and quotations of an answer."""

import pytest

from freqkv_cli.answering.mentions import find_mentions


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Mr. Darcy's estate is Pemberley, in Derbyshire.", ["darcy", "pemberley", "derbyshire"]),
        ("The Bennets live at Longbourn.", ["bennet", "longbourn"]),
        ("Pemberley.", ["pemberley"]),
        ("Elizabeth was proud. She is happy.", []),
        ("Elizabeth was proud. Then came Elizabeth\u2019s mother.", ["elizabeth"]),
        ("Elizabeth Bennet was proud.", ["elizabeth bennet"]),
        ("It was Lady Catherine de Bourgh of Rosings.", ["catherine de bourgh", "rosing"]),
        ("J. R. R. Tolkien wrote it.", ["j r r tolkien"]),
        ("She saw Anne Smith-Jones and I'm sure that I'll go.", ["anne smith jone"]),
        ("In St. James\u2019s and Mrs. Long's house", ["jame", "long"]),
        ("Yes. No, he is not. However, it is so.", []),
        ("See [p. 12] and [lines 3-9].", []),
        ("He is “Jane” to us", ["jane"]),
        ("send it to the BTS", ["bts"]),
        ("в доме жил Иван Петров", ["иван петров"]),
    ],
)
def test_names(text: str, names: list[str]) -> None:
    found = {mention.key for mention in find_mentions(text) if mention.kind == "name"}
    assert found == set(names)


@pytest.mark.parametrize("quoted", ['"{}"', "“{}”", "«{}»", "„{}“"])
def test_quotations_of_three_words(quoted: str) -> None:
    words = "I have not the pleasure of Jane's 12 books"
    (mention,) = find_mentions(f"She said {quoted.format(words)} to him")
    assert (mention.kind, mention.text) == ("quotation", words)
    assert [mention.kind for mention in find_mentions(f"She said {quoted.format('brown hats')} to him")] == []


def test_each_mention_comes_once_and_in_order_of_kind() -> None:
    mentions = find_mentions("He met Jane, and Jane has ten thousand or 10,000: “so it is said” of Kitty.")
    assert [(mention.kind, mention.text) for mention in mentions] == [
        ("quotation", "so it is said"),
        ("name", "Jane"),
        ("name", "Kitty"),
        ("number", "ten thousand"),
    ]

"""How well follow-ups are looked up: python -m freqkv_cli.evaluation.follow_ups pride_and_prejudice.txt ...

The rules of answering/follow_up.py were made with the questions on the first novel; those on the second were written
afterwards and asked once.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from freqkv_cli.answering.follow_up import leans, looked_up_for
from freqkv_cli.documents import open_document
from freqkv_cli.measurement.table import table
from freqkv_cli.retrieval.retriever import Lookup

DEPTH = 10


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A question, an answer to it, and the follow-up; `passage` matches passages that answer that, on one line."""

    before: str
    answer: str
    question: str
    passage: str


FOLLOW_UPS = {
    "pride_and_prejudice": (
        FollowUp(
            "Who is Mr. Bingley's sister?", "Caroline Bingley.", "And where does she live?", "Netherfield|Grosvenor"
        ),
        FollowUp("Whom does Charlotte Lucas marry?", "Mr. Collins.", "Where do they live?", "Hunsford"),
        FollowUp(
            "Who is Lady Catherine de Bourgh?",
            "She is Mr. Collins's patroness.",
            "And her daughter?",
            "(?=.*(Miss de Bourgh|daughter))(?=.*(Rosings|Lady Catherine))",
        ),
        FollowUp("Where does Mr. Darcy live?", "At Pemberley.", "Who is the housekeeper there?", "Reynolds"),
        FollowUp(
            "With whom does Lydia elope?", "With Mr. Wickham.", "Who paid for it?", "(?=.*Darcy)(?=.*(paid|debts))"
        ),
        FollowUp(
            "Who lives at Netherfield?", "Mr. Bingley.", "How much money does he have a year?", "four or five thousand"
        ),
        FollowUp("Who is Elizabeth's best friend?", "Charlotte Lucas.", "How old is she?", "twenty-seven"),
        FollowUp(
            "Who is Mr. Collins?",
            "A clergyman, the cousin of Mr. Bennet.",
            "Whom does he propose to first?",
            "(?=.*Collins)(?=.*(marry|propos|hand|partner))(?=.*(Elizabeth|Lizzy|you))",
        ),
        FollowUp(
            "Who is Georgiana?",
            "Mr. Darcy's sister.",
            "With whom did she almost elope?",
            "(?=.*Wickham)(?=.*(Ramsgate|elope|sister))",
        ),
        FollowUp(
            "What is the name of Mrs. Bennet's brother?",
            "Mr. Gardiner.",
            "And her sister?",
            "(?=.*(Mrs. Phill?ips))(?=.*sister)",
        ),
        FollowUp(
            "Who is Mr. Wickham?",
            "An officer of the militia.",
            "What did he tell Elizabeth about Darcy?",
            "(?=.*Wickham)(?=.*(living|godfather|church|bequeathed))",
        ),
        FollowUp(
            "Why does Jane stay at Netherfield?",
            "She caught a cold.",
            "Who came to see her?",
            "(?=.*(walk|muddy|dirty|dirt|three miles|petticoat|ankles))(?=.*(Elizabeth|Jane|she))",
        ),
        FollowUp(
            "Who wrote a letter to Elizabeth at Hunsford?",
            "Mr. Darcy.",
            "What does it say about Wickham?",
            "(?=.*Wickham)(?=.*(my father|three thousand|living|sister))",
        ),
        FollowUp(
            "Where does Mr. Bennet's family live?",
            "At Longbourn.",
            "To whom will it go after his death?",
            "entail|heirs? male",
        ),
    ),
    "sense_and_sensibility": (
        FollowUp("Who is Elinor's sister?", "Marianne Dashwood.", "How old is she?", "(?=.*Marianne)(?=.*seventeen)"),
        FollowUp(
            "Where do the Dashwoods move to?",
            "To Barton Cottage in Devonshire.",
            "And who lives at the Park?",
            "(?=.*Barton)(?=.*(Sir John|Middleton))",
        ),
        FollowUp(
            "Who is Colonel Brandon?",
            "A friend of Sir John Middleton.",
            "How old is he?",
            "five and thirty|thirty-five|five-and-thirty",
        ),
        FollowUp("To whom is Edward Ferrars engaged?", "To Lucy Steele.", "Since when are they engaged?", "four years"),
        FollowUp("Whom does Willoughby marry?", "Miss Grey.", "How much money does she have?", "fifty thousand"),
        FollowUp(
            "Who is Mrs. Jennings?", "Lady Middleton's mother.", "And where does she live in town?", "Portman|Berkeley"
        ),
        FollowUp("Who is Eliza?", "Colonel Brandon's ward.", "Who seduced her?", "(?=.*Eliza)(?=.*Willoughby)"),
        FollowUp("Who is Robert?", "Edward's brother.", "Whom does he marry?", "(?=.*Robert)(?=.*Lucy)"),
        FollowUp(
            "Which living is Edward offered?",
            "That of Delaford, by Colonel Brandon.",
            "What is it worth?",
            "two hundred",
        ),
        FollowUp("Who is Fanny?", "John Dashwood's wife.", "And her brother?", "(?=.*(Edward|Robert))(?=.*brother)"),
    ),
}


def ranks(lookup: Lookup, follow_up: FollowUp) -> list[int]:
    """Return where the first right passage stands, 0 for not among the best ten, for each thing to look up."""
    asked = looked_up_for(follow_up.question, follow_up.before, follow_up.answer, lookup.vocabulary)
    return [
        next(
            (
                place
                for place, hit in enumerate(lookup.index.search(text, DEPTH), 1)
                if re.search(follow_up.passage, " ".join(hit.passage.text.split()))
            ),
            0,
        )
        for text in (follow_up.question, f"{follow_up.before} {follow_up.question}", asked)
    ]


def main() -> None:
    """Print, for each novel and way, how many follow-ups have a right passage among the best one, three, five, ten."""
    for path in map(Path, sys.argv[1:]):
        follow_ups = FOLLOW_UPS[path.stem]
        with open_document(str(path)) as document:
            lookup = Lookup([document])
            for page in document.pages():
                lookup.add(0, page)
            lookup.finish()
        found = [ranks(lookup, one) for one in follow_ups]
        rows = [
            (way, *(str(sum(0 < row[column] <= best for row in found)) for best in (1, 3, 5, 10)))
            for column, way in enumerate(("the follow-up alone", "+ the question before", "+ names (shipped)"))
        ]
        print(f"{path.stem}: {len(follow_ups)} follow-ups, {sum(leans(one.question) for one in follow_ups)} recognised")
        print(table(("looked up", "best 1", "3", "5", "10"), rows))


if __name__ == "__main__":
    main()

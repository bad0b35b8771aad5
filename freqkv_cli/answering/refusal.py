"""Where the document is thought not to say: how that is decided, and what is told then."""

from freqkv_cli.answering.reply import Reply, place_of
from freqkv_cli.answering.shown_passages import REQUEST_ROOM, shown
from freqkv_cli.answering.verification import best_sentence
from freqkv_cli.prompts import ANSWERS, TELLS, labels_in
from freqkv_cli.reading.session import Session
from freqkv_cli.retrieval.language import detect_language, stems

DOUBT = 0.125  # nats: where "yes" is no likelier than that, the document does not say
LONGEST_JUDGED = 300  # characters of an answer that are judged
NEAREST = 2  # passages that are named


def judge(session: Session, question: str, reply: Reply, affirmed: float) -> bool:
    """Return whether the document says it; all that was read again does so with the log-odds `affirmed`. The model is
    asked twice more: whether its words answer the question, with nothing else in sight, and whether the passage that
    is cited tells the answer, alone. The second is not put where anything was doubted before.
    """
    judged = ANSWERS.format(question=question, answer=reply.answer.text[:LONGEST_JUDGED])
    room = session.count_tokens(judged) + REQUEST_ROOM
    answers = session.affirms(session.consult("", room), judged)
    reply.answers = answers >= DOUBT
    affirmed = min(affirmed, answers)
    if affirmed >= DOUBT:
        evidence = session.consult(shown(reply.citations[0].passage), room)
        affirmed = min(affirmed, session.affirms(evidence, TELLS.format(question=question)))
    reply.affirmed = affirmed
    return affirmed >= DOUBT


def refusal(session: Session, question: str, reply: Reply) -> str:
    """Return what is told: that the document does not say, the answer that is withheld as a guess, if the model takes
    it for one and nothing in it is made up, and what is nearest.
    """
    guessed = reply.answers and reply.citations and not any(one.missing for one in reply.citations)
    told = guessed and not session.settings.strict
    words = labels_in(detect_language(question))
    guess = [f"({words.guess}: {' '.join(reply.answer.text.split())})"] if told else []
    near = [f'({words.nearest}: "{quote}" [{place}])' for quote, place in nearest(session, question, reply)]
    return "\n".join([words.not_said, *guess, *near])


def nearest(session: Session, question: str, reply: Reply) -> list[tuple[str, str]]:
    """Return what a reader may look at where the document is thought not to say, and its place: the sentence that the
    withheld answer was taken from, and what is like the question in the passages that fit it best.
    """
    assert session.retriever is not None
    language = session.retriever.index.language
    asked = set(stems(question, language))
    quotes = {one.quote: one.passage for one in reply.citations[:1]}
    for passage in reply.passages[:NEAREST]:
        quotes.setdefault(best_sentence(passage.text, asked, asked, language), passage)
    return [(quote, place_of(session, passage)) for quote, passage in list(quotes.items())[:NEAREST]]

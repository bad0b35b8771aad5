"""Measures writing on this machine: greedy answers plain, and with guesses from the request (inference/lookahead.py).

    python -m freqkv_cli.lab.writing DOCUMENT QUESTIONS.jsonl [--tokens 1500] [--max-tokens 200]

For each question the first `--tokens` of the document are in the memory, the best passage of the whole document stands
in the request, and the answer is written both ways from the same logits. Whether the tokens are the same is counted.
QUESTIONS has one JSON object with a field `q` per line.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import open_documents
from freqkv_cli.inference.sampling import Sampler, Sampling
from freqkv_cli.lab.outcome import last_value
from freqkv_cli.tasks.choice import FROM_PASSAGE
from freqkv_cli.tasks.lookup import Lookup
from freqkv_cli.tasks.prompt import encode_text
from freqkv_cli.tasks.session import Session, open_session


@dataclass(frozen=True, slots=True)
class Written:
    """One answer: its tokens, the forwards it took, and their seconds."""

    tokens: list[int]
    forwards: int
    seconds: float


def main(arguments: list[str] | None = None) -> None:
    """Run the comparison that the command line asks for and print it, one line per question."""
    options = parse(arguments)
    session: Session = last_value(open_session(Settings(model="smollm2")))
    session.engine.read(session.cache, session.prompt.prefix)
    documents = open_documents([str(options.document)])
    session.lookup = Lookup(documents)
    pages = list(documents[0].pages())
    for page in pages:
        session.lookup.add(0, page)
    session.lookup.finish()
    ids = encode_text(session.loaded.tokenizer, "".join(page.text for page in pages[:40]))
    session.engine.read(session.cache, ids[: options.tokens])
    questions = [json.loads(line)["q"] for line in options.questions.read_text(encoding="utf-8").splitlines()]
    pairs = [compare(session, question, options.max_tokens) for question in questions]
    for question, (plain, guessed) in zip(questions, pairs, strict=True):
        same = "same" if plain.tokens == guessed.tokens else "OTHER"
        print(
            f"{same}  {len(plain.tokens):3} tokens  {plain.forwards:3} -> {guessed.forwards:3} forwards  "
            f"{plain.seconds:5.2f} -> {guessed.seconds:5.2f} s  {question[:60]}"
        )
    equal = sum(plain.tokens == guessed.tokens for plain, guessed in pairs)
    before, after = (sum(pair[way].seconds for pair in pairs) for way in (0, 1))
    tokens, others = (sum(len(pair[way].tokens) for pair in pairs) for way in (0, 1))
    print(f"{equal} of {len(pairs)} the same; {tokens / before:.1f} -> {others / after:.1f} tokens/s")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("document", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--tokens", type=int, default=1500, help="tokens of the document in the memory")
    parser.add_argument("--max-tokens", type=int, default=200)
    return parser.parse_args(arguments)


def compare(session: Session, question: str, max_tokens: int) -> tuple[Written, Written]:
    """Answer `question` plain and with guesses."""
    assert session.lookup is not None
    passages = [hit.passage.text for hit in session.lookup.find(question, 1).hits]
    ids = session.prompt.request(FROM_PASSAGE.format(passage="".join(passages), question=question))
    fork = session.cache.fork()
    fork.make_room(len(ids) + max_tokens)
    logits = session.engine.read(fork, ids)
    assert logits is not None
    written = []
    for context in ([], ids):
        cache, sampler, before = fork.fork(), Sampler(Sampling()), session.engine.clock.forwards
        began = time.perf_counter()
        words = session.engine.decode(
            cache, logits, sampler, stop=session.stop_ids, max_tokens=max_tokens, context=context
        )
        tokens = list(words)
        written.append(Written(tokens, session.engine.clock.forwards - before, time.perf_counter() - began))
    return written[0], written[1]


if __name__ == "__main__":
    main()

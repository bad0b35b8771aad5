"""A running hash of text, which tells whether one text begins with another."""

import hashlib


class TextDigest:
    """BLAKE2b of all characters added, however they were cut into pieces; `characters` is how many."""

    def __init__(self) -> None:
        self.characters = 0
        self._hash = hashlib.blake2b(digest_size=16)

    def add(self, text: str) -> None:
        """Take in the next piece."""
        self.characters += len(text)
        self._hash.update(text.encode("utf-8", "surrogatepass"))

    def hexdigest(self) -> str:
        """Return the hash of everything so far."""
        return self._hash.hexdigest()

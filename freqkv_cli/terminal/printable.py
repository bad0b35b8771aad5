"""Text from files and models is shown, never obeyed."""

import re

# C0, DEL and C1, but newline and tab: ESC starts colours, cursor moves and worse, and so does U+009B here and there.
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """The text without the control characters that a terminal would act on; newlines and tabs stay."""
    return CONTROLS.sub("", text)


def one_line(text: str) -> str:
    """The printable text on a single line."""
    return " ".join(printable(text).split())

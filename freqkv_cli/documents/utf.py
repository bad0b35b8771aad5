"""Unicode in two or four bytes a character, known by its mark or by its zero bytes."""

import codecs

WIDE_HEAD = 8 * 1024
ZERO_RATIO = 10  # times as many zero bytes in one half of the characters' bytes as in the other
PRINTABLE_SHARE = 0.95

# Longest first: the mark of UTF-32-LE begins with that of UTF-16-LE.
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def byte_order_mark(head: bytes) -> str | None:
    """Return the encoding that a byte order mark at the start names, None without one."""
    return next((encoding for mark, encoding in BYTE_ORDER_MARKS.items() if head.startswith(mark)), None)


def wide_encoding(head: bytes) -> str | None:
    """Return UTF-16 or UTF-32 without a mark, by where the zero bytes of a text's beginning lie; None for others."""
    head = head[: len(head) // 4 * 4] or head[: len(head) // 2 * 2]
    zeros = [head[place::4].count(0) for place in range(4)]
    quarter = len(head) / 4
    if not sum(zeros):
        return None
    if min(zeros[2:]) > 0.9 * quarter and zeros[0] < 0.5 * quarter:
        name = "utf-32-le"
    elif min(zeros[:2]) > 0.9 * quarter and zeros[3] < 0.5 * quarter:
        name = "utf-32-be"
    elif zeros[1] + zeros[3] > ZERO_RATIO * (zeros[0] + zeros[2]):
        name = "utf-16-le"
    elif zeros[0] + zeros[2] > ZERO_RATIO * (zeros[1] + zeros[3]):
        name = "utf-16-be"
    else:
        return None
    text = head.decode(name, "ignore")
    plain = sum(char.isprintable() or char in "\n\r\t\f" for char in text)
    return name if plain > PRINTABLE_SHARE * len(text) else None

"""XML of office formats and e-books as HTML, so that one writer makes text of all of them."""

import re
from collections.abc import Mapping

# An attribute holds no "<", so that a quote which is never closed costs no more than its tag.
TAG = re.compile(r"<(/?)([A-Za-z][\w.-]*:)?([A-Za-z][\w.-]*)((?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*+)>")


def renamed(xml: str, names: Mapping[str, str], dropped: frozenset[str] = frozenset()) -> str:
    """Return XML with its elements called as `names` says, "prefix:name" to HTML's; of others the text stays.

    Elements that are `dropped` take what is in them along. An entry such as "h" to "h*" takes the level from an
    attribute that ends with "outline-level". No entity is expanded but those of HTML.
    """
    pieces: list[str] = []
    levels: list[str] = []
    at = depth = 0
    for tag in TAG.finditer(xml):
        closing, prefix, local, attributes = tag.groups()
        name = f"{prefix or ''}{local}"
        if not depth:
            pieces.append(xml[at : tag.start()])
        at = tag.end()
        alone = attributes.endswith("/")
        if name in dropped:
            if not alone:
                depth = max(0, depth + (-1 if closing else 1))
            continue
        if depth or (html := names.get(name)) is None:
            continue
        if html.endswith("*"):
            if not closing:
                found = re.search(r"outline-level=[\"'](\d)", attributes)
                levels.append(f"h{min(6, int(found[1])) if found else 1}")
            html = (levels.pop() if closing or alone else levels[-1]) if levels else "p"
        if not html[:1].isalpha():
            pieces.append("" if closing else html)
        elif alone:
            pieces.append(f"<{html}>" if html in ("br", "hr") else f"<{html}></{html}>")
        else:
            pieces.append(f"<{closing}{html}>")
    if not depth:
        pieces.append(xml[at:])
    return "".join(pieces)


def split_elements(xml: str, name: str) -> tuple[list[str], list[str]]:
    """Return what stands between the elements of a name, which do not nest, and these elements: one fewer.

    An element without an end goes on to the next, or to the end. Takes time in proportion to the length, whatever
    is opened and never closed.
    """
    first, *others = re.split(rf"<{name}\b", xml)
    between, inside = [first], []
    for other in others:
        body, end, after = other.partition(f"</{name}>")
        inside.append(f"<{name}{body}{end}")
        between.append(after)
    return between, inside

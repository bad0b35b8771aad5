"""Markup: HTML and XHTML become lines of text, with the headings known."""

# ruff: noqa: SIM905 - lists of tags are read more easily as words

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from freqkv_cli.documents.clean import clean, single_line
from freqkv_cli.documents.markup.main_content import remove_furniture
from freqkv_cli.documents.metadata import Metadata
from freqkv_cli.documents.reader import Findings

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

SKIPPED = frozenset(
    "head script style template noscript svg iframe object embed canvas audio video textarea select datalist".split()
)
FURNITURE = "words of navigation, banners and footers"
PICTURES, EMBEDDED = "img, svg, canvas", "iframe, object, embed, audio, video"
PARAGRAPHS = frozenset(
    "address article aside blockquote body center details dl fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr"
    " main nav ol p pre section summary table ul".split()
)
LINES = frozenset("caption dd div dt figcaption legend li option tbody tfoot thead tr".split())
CELLS = frozenset(["td", "th"])
LISTS = frozenset(["ul", "ol"])
HEADINGS = frozenset("h1 h2 h3 h4 h5 h6".split())
WHITE_SPACE = re.compile(r"[ \t\n\r\f]+")  # a no-break space is text

SPACES = re.compile(" {2,}")
LINE_EDGES = re.compile(" *\n *")

VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
SELF_CLOSED = re.compile(r"<([a-z][\w:.-]*+)([^<>]*)/>", re.I)  # possessive: no quadratic backtracking

TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)", re.I)
# A parser closes these by itself, so that many open ones are no sign of depth.
CLOSED_BY_THE_NEXT = frozenset("a p li dt dd td th tr thead tbody tfoot option optgroup html head body".split())
# The rules of HTML look at all open elements at every tag, and may open them all again. 200,000 nested elements take
# minutes to parse; real pages have a mean depth of 10 to 20.
MEAN_DEPTH_LIMIT = 50
DEEP_TAGS_FREE = 100_000


@dataclass(frozen=True, slots=True)
class Fragment:
    """A paragraph, line or cell with the white space that follows it; of a heading its title and level, from 1."""

    text: str
    heading: str | None = None
    level: int = 0


def fragments(markup: str, *, xhtml: bool = False, findings: Findings | None = None) -> Iterator[Fragment]:
    """Yield the visible text of a page in reading order; the joined texts are the text of the page.

    Scripts, styles and forms' inner workings are left out, and so are navigation, banners and footers of an HTML page;
    but not the table of contents of a book (`xhtml`). Their words are counted in `findings`, and so are pictures and
    what is embedded. List items keep their marks, table cells are separated by tabs.
    Raises ValueError for markup that is nested too deep to be parsed in reasonable time.
    """
    from selectolax.lexbor import LexborHTMLParser

    if xhtml:
        markup = xml_as_html(markup)
    check_depth(markup)
    body = LexborHTMLParser(markup).body
    if body is None:
        return
    if findings is not None:
        findings.leave_out(FURNITURE, 0 if xhtml else remove_furniture(body))
        findings.leave_out("pictures", len(body.css(PICTURES)))
        findings.leave_out("embedded objects", len(body.css(EMBEDDED)))
    writer = Writer()
    held: Fragment | None = None
    for fragment, gap in writer.walk(body, SKIPPED if xhtml else SKIPPED | {"nav"}):
        if held is not None:
            yield Fragment(held.text + gap, held.heading, held.level)
        held = fragment
    if held is not None:
        yield Fragment(held.text + "\n", held.heading, held.level)


def metadata_of(markup: str) -> Metadata:
    """Return what the head of a page says: its <title>, author, date and language."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(markup)
    said: dict[str, str] = {}
    for node in tree.css("meta[content]"):
        name = (node.attributes.get("name") or node.attributes.get("property") or "").lower()
        said.setdefault(name, single_line(node.attributes.get("content") or "")[:300])
    title = tree.css_first("title")
    root = tree.css_first("html")
    language = (root.attributes.get("lang") or root.attributes.get("xml:lang")) if root else None
    dates = (said.get(name) for name in ("article:published_time", "date", "dc.date", "dcterms.created"))
    return Metadata(
        (single_line(title.text()) if title else "") or said.get("og:title") or None,
        said.get("author") or said.get("dc.creator") or None,
        next(filter(None, dates), None),
        language or None,
    )


def elements(markup: str) -> Iterator[tuple[str, "LexborNode"]]:
    """Yield name, without its namespace, and node of all elements of an XML file in document order.

    An HTML parser reads XML well enough for this and knows no entity that a file declares, so none can expand.
    Names of elements and attributes come in lowercase. Raises ValueError for markup that is nested too deep.
    """
    from selectolax.lexbor import LexborHTMLParser

    markup = xml_as_html(markup)
    check_depth(markup)
    root = LexborHTMLParser(markup).root
    for node in root.traverse() if root else ():
        yield (node.tag or "").rpartition(":")[2], node


def xml_as_html(markup: str) -> str:
    """Return XML without what means something else in HTML: elements closed in place, and literal sections."""
    first, *others = markup.split("<![CDATA[")
    pieces = [first]
    for other in others:
        literal, end, rest = other.partition("]]>")
        pieces += [html.escape(literal), rest] if end else [other]
    return SELF_CLOSED.sub(open_and_close, "".join(pieces))


def open_and_close(match: re.Match[str]) -> str:
    """Return an element that XML closes in place as a pair of tags, which is all that HTML knows."""
    tag, attributes = match.groups()
    return match.group() if tag.lower() in VOID else f"<{tag}{attributes}></{tag}>"


def check_depth(markup: str) -> None:
    """Raise ValueError for markup so deep that parsing it would take minutes or fill the memory."""
    current = total = count = 0
    for closing, tag in TAG.findall(markup):
        count += 1
        total += current
        if (name := tag.lower()) not in VOID and name not in CLOSED_BY_THE_NEXT:
            current = max(0, current - 1) if closing else current + 1
    if total > MEAN_DEPTH_LIMIT * (count + DEEP_TAGS_FREE):
        raise ValueError(f"its elements are nested deeper than {MEAN_DEPTH_LIMIT} levels on average")


class Writer:
    """Turns a tree into fragments, each with the gap that separates it from the one before."""

    def __init__(self) -> None:
        self._words: list[str] = []
        self._gap = ""
        self._mark = ""  # of the list item that begins
        self._lists: list[int | None] = []  # the next number of an ordered list, None for one with bullets
        self._cells = [0]  # cells seen in the present row, per nested table
        self._fresh = False  # a cell or list item has begun and has no text yet
        self._preformatted = 0
        self._levels: list[int] = []  # of the headings that are open

    def walk(self, root: "LexborNode", skipped: frozenset[str]) -> Iterator[tuple[Fragment, str]]:
        """Yield fragments and gaps in document order."""
        node = root
        while True:
            tag = node.tag or "-"
            if tag == "-text":
                text = node.text_content or ""
                self._words.append(text if self._preformatted else WHITE_SPACE.sub(" ", text))
            elif tag[0] != "-" and tag not in skipped and "hidden" not in node.attributes:
                yield from self._enter(tag)
                if node.first_child is not None:
                    node = node.first_child
                    continue
                yield from self._leave(tag)
            while node.mem_id != root.mem_id and node.next is None and node.parent is not None:
                node = node.parent
                yield from self._leave(node.tag or "-")
            if node.mem_id == root.mem_id or node.next is None:
                break
            node = node.next
        yield from self._flush()

    def _enter(self, tag: str) -> Iterator[tuple[Fragment, str]]:
        yield from self._boundary(tag)
        if tag == "br":
            self._words.append("\n")
        elif tag in CELLS:
            if self._cells[-1]:
                self._gap = self._gap + "\t" if "\t" in self._gap else "\t"
            self._cells[-1] += 1
            self._fresh = True
        elif tag == "tr":
            self._cells[-1] = 0
        elif tag == "table":
            self._cells.append(0)
        elif tag in LISTS:
            self._lists.append(1 if tag == "ol" else None)
        elif tag == "li":
            number = self._lists[-1] if self._lists else None
            self._mark = "  " * (len(self._lists) - 1) + ("- " if number is None else f"{number}. ")
            if number is not None:
                self._lists[-1] = number + 1
            self._fresh = True
        self._preformatted += tag == "pre"
        if tag in HEADINGS:
            self._levels.append(int(tag[1]))

    def _leave(self, tag: str) -> Iterator[tuple[Fragment, str]]:
        if tag in LISTS:
            self._lists.pop()
        yield from self._boundary(tag)
        if tag == "table":
            self._cells.pop()
        elif tag in CELLS or tag == "li":
            self._fresh = False
            self._mark = ""
            if "\t" not in self._gap:
                self._gap = "\n" if tag == "li" else ""
        self._preformatted -= tag == "pre"
        if tag in HEADINGS and self._levels:
            self._levels.pop()

    def _boundary(self, tag: str) -> Iterator[tuple[Fragment, str]]:
        """End the fragment at the edge of a block; widen the gap to the next unless a cell or item just began."""
        if tag not in PARAGRAPHS and tag not in LINES and tag not in CELLS:
            return
        yield from self._flush()
        if "\t" in self._gap:  # inside of a row, where only its end makes a new line
            self._gap = "\n" if tag in ("tr", "table") else self._gap
        elif not self._fresh and tag not in CELLS:
            is_paragraph = tag in PARAGRAPHS and not (tag in LISTS and self._lists)
            self._gap = max(self._gap, "\n\n" if is_paragraph else "\n", key=len)

    def _flush(self) -> Iterator[tuple[Fragment, str]]:
        text = clean("".join(self._words))
        self._words.clear()
        text = (
            text.strip("\n").rstrip()
            if self._preformatted
            else LINE_EDGES.sub("\n", SPACES.sub(" ", text)).strip(" \n")
        )
        if not text.strip():
            return
        heading = None
        if self._levels:
            text = text.removesuffix("\u00b6")  # the permalink sign of Sphinx pages
            heading = single_line(text)
        yield Fragment(self._mark + text, heading, self._levels[-1] if self._levels else 0), self._gap
        self._gap = self._mark = ""
        self._fresh = False

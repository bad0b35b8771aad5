"""The structure of a PDF as pypdf sees it: pages, labels, outline, metadata; and text where PDFium gives none."""

import logging
import re
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from freqkv_cli.documents.clean import clean, single_line
from freqkv_cli.documents.metadata import Metadata
from freqkv_cli.documents.pdf.fonts import set_space_widths

if TYPE_CHECKING:
    import pypdf

CODES = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")  # of glyphs of which the file says no character
HEADING_DEPTH = 4  # titles of the outline that a place tells, from the outermost


@dataclass(frozen=True, slots=True)
class Title:
    """A title of the outline, and the path of titles that it ends: "Resources > Mailing lists"."""

    text: str
    path: str


def open_pdf(stream: IO[bytes], password: str | None = None) -> "pypdf.PdfReader":
    """Return a PDF opened by pypdf, which keeps its limits against hostile files (size of streams, operations)."""
    import pypdf

    # What pypdf logs about damage that it can repair would go to stderr, between the lines of the progress.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)
    return pypdf.PdfReader(stream, strict=False, password=password)


def page_text(pdf: "pypdf.PdfReader", number: int) -> str:
    """Return the cleaned text of a page in the order of the file, empty for a page without any."""
    page = pdf.pages[number - 1]
    set_space_widths(page)
    return clean(CODES.sub("\ufffd", page.extract_text())).strip()


def is_mostly_letters(text: str) -> bool:
    """Whether more than half of a text is letters, which codes and names of glyphs are not."""
    characters = "".join(text.split())
    return 2 * sum(map(str.isalpha, characters)) > len(characters)


def outline_titles(pdf: "pypdf.PdfReader") -> dict[int, Title]:
    """Return the first title of the outline that points to each page; no titles for an outline that cannot be read."""
    titles: dict[int, Title] = {}
    try:
        pending: list[tuple[Any, tuple[str, ...]]] = [(pdf.outline, ())]
        while pending:
            entry, above = pending.pop()
            if isinstance(entry, list):
                path = above
                for one in entry:  # a list is what stands under the entry before it
                    if isinstance(one, list):
                        pending.append((one, path))
                        continue
                    title = single_line(str(one.title or ""))
                    path = (*above, title)[:HEADING_DEPTH]
                    index = pdf.get_destination_page_number(one)
                    if index is not None and index >= 0 and title:
                        known = titles.get(index + 1)
                        if known is None or len(path) < known.path.count(" > ") + 1:
                            titles[index + 1] = Title(title, " > ".join(path))
    except MemoryError:
        raise
    except Exception:
        return titles
    return titles


def page_labels(pdf: "pypdf.PdfReader") -> dict[int, str]:
    """Return what is printed on the pages whose label is not their number; nothing where labels cannot be read."""
    try:
        labels = pdf.page_labels
    except MemoryError:
        raise
    except Exception:
        return {}
    cleaned = ((number, single_line(str(label))[:20]) for number, label in enumerate(labels, 1))
    return {number: label for number, label in cleaned if label and label != str(number)}


def metadata_of(pdf: "pypdf.PdfReader") -> Metadata:
    """Return what the document says of itself; what cannot be read is None."""

    def said(key: str) -> str | None:
        try:
            place: Any = pdf.root_object if key == "/Lang" else pdf.metadata or {}
            value = place.get(key)
            return single_line(str(value))[:300] or None if value is not None else None
        except MemoryError:
            raise
        except Exception:
            return None

    return Metadata(said("/Title"), said("/Author"), pdf_date(said("/CreationDate")), said("/Lang"))


def pdf_date(written: str | None) -> str | None:
    """Return a date such as D:20230306180657Z as 2023-03-06, any other as it is written."""
    digits = (written or "").removeprefix("D:")[:8]
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}" if len(digits) == 8 and digits.isdecimal() else written

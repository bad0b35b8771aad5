"""Documents made for the tests: PDFs by reportlab and pypdf, EPUBs by zipfile."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, StreamObject
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

SCAN = None  # a page that is a picture only
BLANK = ""

CONTAINER = """<?xml version="1.0"?><container xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""


def write_pdf(path: Path, pages: Sequence[str | None], *, titles: bool = False) -> Path:
    """Write a PDF with one text, picture or blank per page; `titles` puts the first line of each into the outline."""
    canvas = Canvas(str(path))
    for number, text in enumerate(pages, 1):
        if text is SCAN:
            canvas.drawImage(ImageReader(Image.new("L", (8, 8), 128)), 50, 50, 400, 600)
        elif text:
            block = canvas.beginText(50, 780)
            block.textLines(text)
            canvas.drawText(block)
            if titles:
                canvas.bookmarkPage(f"p{number}")
                canvas.addOutlineEntry(text.splitlines()[0], f"p{number}")
        canvas.showPage()
    canvas.save()
    return path


def encrypt(path: Path, user: str, algorithm: str) -> Path:
    """Encrypt a PDF in place."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(path.read_bytes())))
    writer.encrypt(user, "owner", algorithm=algorithm)
    writer.write(path)
    return path


def break_page(path: Path, number: int) -> Path:
    """Make the content of one page end inside of what it began."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(path.read_bytes())))
    broken = StreamObject()
    broken.set_data(b"\x00" * 100)
    broken[NameObject("/Filter")] = NameObject("/NoSuchDecode")
    writer.pages[number - 1][NameObject("/Contents")] = writer._add_object(broken)
    writer.write(path)
    return path


def write_epub(path: Path, chapters: Sequence[tuple[str, str]], extra: Mapping[str, str | bytes] | None = None) -> Path:
    """Write an EPUB with a file per (title, XHTML body); `extra` adds or replaces members."""
    names = [f"chapter {number}.xhtml" for number in range(1, len(chapters) + 1)]
    items = "".join(
        f'<item id="c{i}" href="{name.replace(" ", "%20")}" media-type="application/xhtml+xml"/>'
        for i, name in enumerate(names)
    )
    spine = "".join(f'<itemref idref="c{i}"/>' for i in range(len(names)))
    points = "".join(
        f"<navPoint><navLabel><text>{title}</text></navLabel><content src='{name.replace(' ', '%20')}#top'/></navPoint>"
        for name, (title, _) in zip(names, chapters, strict=True)
        if title
    )
    members: dict[str, str | bytes] = {
        "META-INF/container.xml": CONTAINER,
        "OEBPS/book.opf": f"""<?xml version="1.0"?><package><metadata><dc:title>A book</dc:title></metadata><manifest>
<item id="toc" href="toc.ncx" media-type="application/x-dtbncx+xml"/>{items}</manifest>
<spine>{spine}</spine></package>""",
        "OEBPS/toc.ncx": f"<?xml version='1.0'?><ncx><navMap>{points}</navMap></ncx>",
    }
    for name, (_, body) in zip(names, chapters, strict=True):
        members[f"OEBPS/{name}"] = (
            '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/>'
            f'<script src="a.js"/><style>p {{}}</style></head><body>{body}</body></html>'
        )
    members.update(extra or {})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        for name, data in members.items():
            archive.writestr(name, data)
    return path

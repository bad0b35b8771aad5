"""Office documents, messages and the like made for the tests, as small as readers accept them."""

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
P = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE_RELS = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
SHEET = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
CORE = (
    '<cp:coreProperties xmlns:cp="c" xmlns:dc="d" xmlns:dcterms="t"><dc:title>Harbour report</dc:title>'
    "<dc:creator>A. Vik</dc:creator><dcterms:created>2026-05-09</dcterms:created></cp:coreProperties>"
)


def write_zip(path: Path, members: Mapping[str, str]) -> Path:
    """Write a zip of texts."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def relations(*targets: tuple[str, str, str]) -> str:
    """Return a file of relations from (id, kind, target)."""
    links = "".join(f'<Relationship Id="{one}" Type="{RELS}/{kind}" Target="{to}"/>' for one, kind, to in targets)
    return f"<?xml version='1.0'?><Relationships {PACKAGE_RELS}>{links}</Relationships>"


def paragraph(text: str, style: str = "") -> str:
    """Return a paragraph of a Word document."""
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>"


def write_docx(path: Path) -> Path:
    """Write a Word document with two headings, a table and a deleted word."""
    rows = [("Year", "Ships"), ("1896", "240")]
    table = "".join("<w:tr>" + "".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) + "</w:tr>" for row in rows)
    body = (
        paragraph("Harbour", "Heading1")
        + paragraph("The pier was repaired.")
        + paragraph("Traffic", "Heading2")
        + f"<w:tbl>{table}</w:tbl>"
        + "<w:p><w:del><w:r><w:delText>struck out</w:delText></w:r></w:del><w:r><w:t>after</w:t></w:r></w:p>"
    )
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="Heading{n}"><w:name w:val="heading {n}"/></w:style>' for n in (1, 2)
    )
    return write_zip(
        path,
        {
            "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
            "_rels/.rels": relations(("r1", "officeDocument", "word/document.xml")),
            "word/document.xml": f"<?xml version='1.0'?><w:document {W}><w:body>{body}</w:body></w:document>",
            "word/styles.xml": f"<?xml version='1.0'?><w:styles {W}>{styles}</w:styles>",
            "docProps/core.xml": CORE,
        },
    )


def shape(text: str, kind: str = "") -> str:
    """Return a shape of a slide."""
    place = f'<p:nvPr><p:ph type="{kind}"/></p:nvPr>' if kind else "<p:nvPr/>"
    lines = "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in text.split("\n"))
    return f"<p:sp><p:nvSpPr>{place}</p:nvSpPr><p:txBody>{lines}</p:txBody></p:sp>"


def write_pptx(path: Path) -> Path:
    """Write a presentation whose second slide is stored first, with a table and notes."""
    row = (
        "<a:tr><a:tc><a:p><a:r><a:t>{}</a:t></a:r></a:p></a:tc><a:tc><a:p><a:r><a:t>{}</a:t></a:r></a:p></a:tc></a:tr>"
    )
    table = f"<p:graphicFrame><a:tbl>{row.format('Port', 'Tons')}{row.format('Skarvik', '40')}</a:tbl></p:graphicFrame>"
    slide = f"<p:sld {A} {P}><p:cSld>{{}}</p:cSld></p:sld>"
    return write_zip(
        path,
        {
            "ppt/presentation.xml": f"<p:presentation {P} {R}><p:sldIdLst><p:sldId id='256' r:id='r2'/>"
            "<p:sldId id='257' r:id='r1'/></p:sldIdLst></p:presentation>",
            "ppt/_rels/presentation.xml.rels": relations(
                ("r1", "slide", "slides/slide1.xml"), ("r2", "slide", "/ppt/slides/slide2.xml")
            ),
            "ppt/slides/slide1.xml": slide.format(shape("7", "sldNum") + table),
            "ppt/slides/slide2.xml": slide.format(
                shape("Move to 14 November") + shape("Launch", "title") + "<p:pic></p:pic>"
            ),
            "ppt/slides/_rels/slide2.xml.rels": relations(("n", "notesSlide", "../notesSlides/n.xml")),
            "ppt/notesSlides/n.xml": f"<p:notes {A} {P}>{shape('Say it slowly')}</p:notes>",
            "docProps/core.xml": CORE,
        },
    )


def write_xlsx(path: Path) -> Path:
    """Write a workbook with a titled table and a sheet without text."""
    rows = [("Costs of 2026",), ("Item", "Amount", "Note"), ("Rent", 1150, ""), ("Salt", 84.5, "late")]
    cells = "".join(
        f'<row r="{n}">'
        + "".join(
            f'<c r="{"ABC"[i]}{n}"><v>{cell}</v></c>'
            if isinstance(cell, int | float)
            else f'<c r="{"ABC"[i]}{n}" t="inlineStr"><is><t>{cell}</t></is></c>'
            for i, cell in enumerate(row)
        )
        + "</row>"
        for n, row in enumerate(rows, 3)
    )
    types = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    content = "".join(
        f'<Override PartName="/xl/{name}.xml" ContentType="{types}.{kind}+xml"/>'
        for name, kind in (
            ("workbook", "sheet.main"),
            ("worksheets/sheet1", "worksheet"),
            ("worksheets/sheet2", "worksheet"),
        )
    )
    sheet = f"<worksheet {SHEET}><sheetData>{{}}</sheetData></worksheet>"
    return write_zip(
        path,
        {
            "[Content_Types].xml": f'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">{content}</Types>',
            "_rels/.rels": relations(("r1", "officeDocument", "xl/workbook.xml")),
            "xl/workbook.xml": f"<workbook {SHEET} {R}><sheets><sheet name='Costs' sheetId='1' r:id='r1'/>"
            "<sheet name='Empty' sheetId='2' r:id='r2'/></sheets></workbook>",
            "xl/_rels/workbook.xml.rels": relations(
                ("r1", "worksheet", "worksheets/sheet1.xml"), ("r2", "worksheet", "worksheets/sheet2.xml")
            ),
            "xl/worksheets/sheet1.xml": sheet.format(cells),
            "xl/worksheets/sheet2.xml": sheet.format(""),
            "docProps/core.xml": CORE,
        },
    )


def write_xls(path: Path) -> Path:
    """Write a sheet of Excel 2: records of a kind, a length and what they hold; two rows, and a cell far from them."""

    def cell(kind: int, row: int, column: int, value: bytes) -> bytes:
        return struct.pack("<HHHH3x", kind, 7 + len(value), row, column) + value

    def label(row: int, column: int, text: str) -> bytes:
        return cell(4, row, column, bytes([len(text)]) + text.encode())

    begin, end = struct.pack("<HHHH", 9, 4, 2, 16), struct.pack("<HH", 10, 0)
    rows = label(0, 0, "Item") + label(0, 1, "Amount") + label(1, 0, "Rent") + cell(3, 1, 1, struct.pack("<d", 1150))
    path.write_bytes(begin + rows + label(16383, 255, "far") + end)
    return path


def write_odf(path: Path, kind: str, body: str) -> Path:
    """Write an OpenDocument file of a kind such as "text" with the XML of its body."""
    return write_zip(
        path,
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "META-INF/manifest.xml": "<?xml version='1.0'?><manifest:manifest></manifest:manifest>",
            "content.xml": f"<?xml version='1.0'?><office:document-content><office:automatic-styles><x>no</x>"
            f"</office:automatic-styles><office:body>{body}</office:body></office:document-content>",
            "meta.xml": "<office:document-meta><office:meta><dc:title>Tide tables</dc:title>"
            "<meta:initial-creator>B. Holm</meta:initial-creator></office:meta></office:document-meta>",
        },
    )


ODT_BODY = (
    '<text:h text:outline-level="1">Tides</text:h><text:p>High<text:s/>water<text:note><text:note-citation>1'
    "</text:note-citation><text:note-body><text:p>at noon</text:p></text:note-body></text:note></text:p>"
    '<text:h text:outline-level="2">Table</text:h><table:table><table:table-row><table:table-cell><text:p>Day</text:p>'
    "</table:table-cell><table:table-cell><text:p>Metres</text:p></table:table-cell></table:table-row></table:table>"
    "<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>"
)
ODP_BODY = (
    '<draw:page draw:name="a"><draw:frame><text:p>Launch</text:p></draw:frame><presentation:notes><text:p>Slowly'
    '</text:p></presentation:notes></draw:page><draw:page draw:name="b"><text:p>Second</text:p></draw:page>'
)
ODS_CELL = "<table:table-cell office:value-type={}><text:p>{}</text:p></table:table-cell>"
ODS_ROW = "<table:table-row>{}</table:table-row>"
ODS_BODY = (
    '<office:spreadsheet><table:table table:name="Tides">'
    + ODS_ROW.format(ODS_CELL.format('"string"', "Day") + ODS_CELL.format('"string"', "Metres"))
    + ODS_ROW.format(
        ODS_CELL.format('"float" office:value="3"', 3) + ODS_CELL.format('"float" office:value="2.5"', 2.5)
    )
    + "</table:table></office:spreadsheet>"
)

MESSAGE = """From: Amalia Rosenquist <amalia@skarvik.example>
To: Board <board@skarvik.example>
Date: Sat, 9 May 2026 10:15:00 +0200
Subject: =?utf-8?q?The_pi=C3=A8r?=
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: text/html; charset=utf-8

<p>The pier is <b>closed</b>.</p>
--b
Content-Type: application/pdf
Content-Disposition: attachment; filename="plan.pdf"

x
--b--
"""
SUBTITLES = """1
00:00:01,000 --> 00:00:03,000
<i>The lamp</i> is lit.

2
00:10:30,500 --> 00:10:33,000 X1:0
- Who lit it?
- {\\an8}Krause.

"""
FB2 = """<?xml version="1.0" encoding="utf-8"?><FictionBook xmlns="http://www.gribuser.ru/xml/fictionbook/2.0"><description>
<title-info><author><first-name>Ada</first-name><last-name>Berg</last-name></author><book-title>Salt</book-title>
<lang>en</lang></title-info></description><body><section><title><p>Chapter</p><p>One</p></title>
<p>It rained.</p></section>
<section><title><p>Two</p></title><p>It cleared.</p></section></body><binary id="c.jpg">QUJD</binary></FictionBook>"""
RTF = r"""{\rtf1\ansi{\info{\title Pier}{\author Vik}}{\fonttbl{\f0 Arial;}}The pi\'e8r\par
\trowd\cellx1000\cellx2000 Year\cell Ships\cell\row\trowd\cellx1000\cellx2000 1896\cell 240\cell\row\pard End\par}"""

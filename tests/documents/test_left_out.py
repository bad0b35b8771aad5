"""Nothing is lost silently: what a format holds besides text that is read is counted by kind."""

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfReader, PdfWriter
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from freqkv_cli.documents import open_document
from freqkv_cli.documents.archive import Archive
from freqkv_cli.documents.office.extras import OF_OPEN_DOCUMENTS, count_extras
from freqkv_cli.documents.reader import Findings
from freqkv_cli.errors import NoTextError
from tests.documents import office_samples as samples
from tests.documents.samples import write_epub


def read(path: Path) -> tuple[str, dict[str, int]]:
    """Return the text of a document and what is left out."""
    document = open_document(str(path))
    text = "\n".join(page.text for page in document.pages())
    return text, document.left_out


def with_members(path: Path, **members: str) -> Path:
    """Add members to a zip, "__" for "/" in their names, in front of those of the same name."""
    added = {name.replace("__", "/") + ("" if "." in name else ".xml"): text for name, text in members.items()}
    with zipfile.ZipFile(path) as archive:
        kept = {name: archive.read(name).decode() for name in archive.namelist()}
    return samples.write_zip(path, {**kept, **added})


def docx(path: Path) -> Path:
    return with_members(
        samples.write_docx(path),
        word__comments=f"<w:comments {samples.W}><w:comment w:id='1'/><w:comment w:id='2'/></w:comments>",
        word__header1="<w:hdr><w:p><w:r><w:t>Draft</w:t></w:r></w:p></w:hdr>",
        word__header2="<w:hdr><w:p/></w:hdr>",
        word__charts__chart1="<c/>",
        word__embeddings__a="x",
    )


def pptx(path: Path) -> Path:
    return with_members(
        samples.write_pptx(path),
        ppt__comments__comment1="<p:cmLst><p:cm authorId='0'/></p:cmLst>",
        ppt__diagrams__data1="<d/>",
    )


def xlsx(path: Path) -> Path:
    return with_members(
        samples.write_xlsx(path),
        xl__comments1="<comments><commentList><comment ref='A1'/></commentList></comments>",
        xl__drawings__drawing1="<xdr:wsDr><xdr:pic></xdr:pic><xdr:sp><xdr:txBody>Note</xdr:txBody></xdr:sp></xdr:wsDr>",
    )


def odt(path: Path) -> Path:
    body = samples.ODT_BODY + "<office:annotation>ask</office:annotation><text:deletion/><draw:image/><draw:object/>"
    styles = "<style:header><text:p>Draft</text:p></style:header><style:footer/>"
    return with_members(samples.write_odf(path, "text", body), styles=styles)


def ods(path: Path) -> Path:
    cell = "</text:p><office:annotation><text:p>ask</text:p></office:annotation></table:table-cell>"
    body = samples.ODS_BODY.replace("</text:p></table:table-cell>", cell, 1)
    return samples.write_odf(path, "spreadsheet", body)


def rtf(path: Path) -> Path:
    extra = r"{\header Draft\par}{\*\annotation ask}Pier{\footnote In 1896.} closed{\pict 00}"
    path.write_text(samples.RTF.replace("End", extra))
    return path


def epub(path: Path) -> Path:
    return write_epub(path, [("One", "<p>text</p><img src='a.png'/><svg><text>no</text></svg><audio src='b'/>")])


def html(path: Path) -> Path:
    path.write_text("<html><body><p>text</p><img src=a><iframe src=b></iframe></body></html>")
    return path


def eml(path: Path) -> Path:
    path.write_text(samples.MESSAGE.replace("<b>closed</b>", "<img src='cid:1'>closed"))
    return path


def vtt(path: Path) -> Path:
    path.write_text("WEBVTT\n\nNOTE by Ada\n\n00:01.000 --> 00:02.000\nIt rained.\n")
    return path


def tex(path: Path) -> Path:
    path.write_text(
        "\\documentclass{a}\n% of the preamble\n\\begin{document}\nSalt. % old\n\\input{two}\\includegraphics{a}\n"
    )
    return path


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (
            docx,
            {"comments": 2, "headers and footers": 1, "deletions": 1, "charts": 1, "embedded files": 1},
        ),
        (pptx, {"comments": 1, "diagrams": 1, "pictures": 1}),
        (xlsx, {"comments": 1, "pictures": 1, "text boxes": 1}),
        (
            odt,
            {
                "comments": 1,
                "headers and footers": 1,
                "deletions": 1,
                "pictures": 1,
                "charts, formulas and embedded files": 1,
            },
        ),
        (ods, {"comments": 1}),
        (rtf, {"pictures": 1, "headers and footers": 1, "comments": 1}),
        (epub, {"pictures": 2, "embedded objects": 1}),
        (html, {"pictures": 1, "embedded objects": 1}),
        (eml, {"pictures": 1, "attachments": 1}),
        (vtt, {"notes": 1}),
        (tex, {"comments": 1, "files of \\input": 1, "pictures": 1}),
    ],
)
def test_what_is_left_out_is_counted_by_kind(
    tmp_path: Path, make: Callable[[Path], Path], expected: dict[str, int]
) -> None:
    text, left_out = read(make(tmp_path / f"a.{make.__name__}"))
    assert left_out == expected
    assert "Draft" not in text
    assert "ask" not in text


def test_what_is_left_out_is_counted_in_one_unpacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = odt(tmp_path / "a.odt")
    unpacked: list[str] = []
    blocks = Archive.blocks

    def counted(archive: Archive, name: str) -> Iterator[bytes]:
        unpacked.append(name)
        return blocks(archive, name)

    monkeypatch.setattr(Archive, "blocks", counted)
    with zipfile.ZipFile(path) as written:
        members = written.namelist()
    findings = Findings()
    with path.open("rb") as stream:
        count_extras(Archive(stream, "a.odt"), OF_OPEN_DOCUMENTS, findings)
    assert sorted(unpacked) == sorted({"content.xml", "styles.xml"} & set(members))
    assert findings.left_out["comments"] == findings.left_out["pictures"] == 1


def test_a_document_that_has_only_what_is_left_out_is_refused_with_it(tmp_path: Path) -> None:
    path = docx(tmp_path / "a.docx")
    with_members(path, word__document=f"<w:document {samples.W}><w:body><w:p/></w:body></w:document>")
    with pytest.raises(NoTextError, match=r"only comments \(2\), headers and footers \(1\)"):
        read(path)


def test_fields_formulas_and_directed_runs_of_word_are_read(tmp_path: Path) -> None:
    run = "<w:r><w:t>{}</w:t></w:r>"
    body = (
        f"<w:p><w:fldSimple w:instr='DATE'>{run.format('9 May')}</w:fldSimple>"
        f"<w:bdo w:val='rtl'>{run.format(' שלום ')}</w:bdo>"
        "<m:oMath><m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r><m:t xml:space='preserve'>2</m:t></m:r></m:sup>"
        "</m:sSup></m:oMath><w:r><w:cr/><w:ruby><w:rt><w:r><w:t>no</w:t></w:r></w:rt>"
        f"<w:rubyBase>{run.format('base')}</w:rubyBase></w:ruby></w:r></w:p>"
    )
    path = samples.write_docx(tmp_path / "a.docx")
    math = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
    with_members(path, word__document=f"<w:document {samples.W} {math}><w:body>{body}</w:body></w:document>")
    assert read(path)[0] == "9 May שלום x2\nbase"


def test_a_footnote_of_rtf_stands_where_its_sign_does(tmp_path: Path) -> None:
    assert "Pier In 1896. closed" in read(rtf(tmp_path / "a.rtf"))[0]


def pdf(path: Path) -> Path:
    """Write a form with values, a typed note, a comment, a picture, a check box and an attached file."""
    canvas = Canvas(str(path))
    canvas.drawString(50, 700, "Name of the ship:")
    canvas.acroForm.textfield(name="ship", value="Aurora II", x=200, y=695, width=200, height=18)
    canvas.acroForm.textfield(name="secret", value="hidden", fieldFlags="password", x=200, y=600, width=200, height=18)
    canvas.acroForm.checkbox(name="insured", x=200, y=500)
    canvas.drawString(50, 400, "The cargo was salt.")
    canvas.freeTextAnnotation("and herring", DA="(0 g)", Rect=[200, 395, 300, 415])
    canvas.textAnnotation("ask the clerk", Rect=[300, 395, 320, 415])
    canvas.drawImage(ImageReader(Image.new("L", (8, 8), 128)), 50, 50, 40, 60)
    canvas.save()
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(path.read_bytes())))
    writer.add_attachment("plan.txt", b"x")
    writer.write(path)
    return path


def test_what_is_filled_into_a_pdf_stands_in_its_place(tmp_path: Path) -> None:
    text, left_out = read(pdf(tmp_path / "a.pdf"))
    assert text.replace("\t", " ").split("\n") == ["Name of the ship: Aurora II", "The cargo was salt. and herring"]
    assert left_out == {"attachments": 1, "pictures": 1, "buttons and check boxes": 1, "comments": 1}

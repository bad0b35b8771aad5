"""What is laid upon a PDF page: values of form fields and typed notes are words of it, comments are counted."""

import ctypes
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from freqkv_cli.documents.pdf.words import Word

if TYPE_CHECKING:
    import pypdfium2

LINE = 12.0  # points: the height of the line in a field that is higher
HIDDEN, PASSWORD = 1 << 1, 1 << 13  # flags of an annotation, and of a field
LENGTH_LIMIT = 1 << 20  # bytes of one value
COMMENTS, ATTACHMENTS, BUTTONS = "comments", "attachments", "buttons and check boxes"


def page_annotations(page: "pypdfium2.PdfPage") -> tuple[list[Word], dict[str, int]]:
    """Return the texts that are filled in or typed upon a page, as words with their boxes, and what else is there."""
    import pypdfium2.raw as pdfium

    words: list[Word] = []
    others: dict[str, int] = {}
    uncounted = (pdfium.FPDF_ANNOT_LINK, pdfium.FPDF_ANNOT_POPUP)
    for index in range(pdfium.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        try:
            kind = pdfium.FPDFAnnot_GetSubtype(annotation)
            text, other = "", None
            if pdfium.FPDFAnnot_GetFlags(annotation) & HIDDEN:
                continue
            if kind == pdfium.FPDF_ANNOT_WIDGET:
                text, other = field_value(page.formenv, annotation)
            elif kind == pdfium.FPDF_ANNOT_FREETEXT:
                text = string(pdfium.FPDFAnnot_GetStringValue, annotation, b"Contents")
            elif kind == pdfium.FPDF_ANNOT_FILEATTACHMENT:
                other = ATTACHMENTS
            elif kind not in uncounted and string(pdfium.FPDFAnnot_GetStringValue, annotation, b"Contents"):
                other = COMMENTS
            if other:
                others[other] = others.get(other, 0) + 1
            rect = pdfium.FS_RECTF()
            if text and pdfium.FPDFAnnot_GetRect(annotation, ctypes.byref(rect)):
                words.append(Word(text, rect.left, rect.bottom, rect.right, rect.top))
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)
    return words, others


def field_value(form: Any, annotation: Any) -> tuple[str, str | None]:
    """Return what is filled into a field of text, or as what a field is counted that holds none."""
    import pypdfium2.raw as pdfium

    if form is None:
        return "", None
    kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
    if kind in (pdfium.FPDF_FORMFIELD_TEXTFIELD, pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX):
        if pdfium.FPDFAnnot_GetFormFieldFlags(form, annotation) & PASSWORD:
            return "", None
        return string(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation), None
    return "", BUTTONS if kind > 0 else None


def string(function: Any, *arguments: Any) -> str:
    """Return what a function of PDFium writes as UTF-16 into a buffer, whose size it tells when it is given none."""
    import pypdfium2.raw as pdfium

    size = min(function(*arguments, None, 0), LENGTH_LIMIT)
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    function(*arguments, ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR)), size)
    return buffer.raw.decode("utf-16-le", "replace").rstrip("\x00").strip()


def laid_out(box: Word) -> Iterator[Word]:
    """Yield the words of a text that stands in a box, one beside the other: a value is one line, so that no other text
    of the page comes between its words.
    """
    words = box.text.split()
    size = min(LINE, box.size)
    top = box.middle + size / 2 if box.size < 2 * LINE else box.top
    width = min((box.right - box.left) / max(1, len(" ".join(words))), size / 2)
    at = box.left
    for word in words:
        yield Word(word, at, top - size, at + len(word) * width, top)
        at += (len(word) + 1) * width

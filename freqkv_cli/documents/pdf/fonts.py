"""PDF fonts without a space: what keeps the words of documents made by TeX apart."""

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pypdf import PageObject

SPACE_CODE = 32
SPACE_WIDTH = 250  # in thousandths of the font size: the width of a space in most fonts
WIDEST_SPACE = 400  # no proportional font has a wider one
FIXED_PITCH = 1  # of the flags of a font descriptor
SPACE_IN_MAP = re.compile(rb">\s*<0020>\s*[\r\n]")


def set_space_widths(page: "PageObject") -> None:
    """Give the fonts of a page a space of usual width where they have none.

    TeX moves the pen between words and draws no space. pypdf takes such a move for a space if it is half as wide as
    the glyph at code 32, which in these fonts is some other, wider character: whole lines come out as one
    word (github.com/py-pdf/pypdf/issues/3978). Only the widths that pypdf measures with are changed, in memory.
    """
    resources = page.get("/Resources")
    fonts = resources.get_object().get("/Font") if resources else None
    for reference in fonts.get_object().values() if fonts else ():
        font = reference.get_object()
        if "/Widths" in font:
            narrow_simple(font)
        elif "/DescendantFonts" in font and "/ToUnicode" in font:
            narrow_composite(font)


def narrow_simple(font: Any) -> None:
    """Narrow code 32 of a simple font whose space would be wider than any."""
    from pypdf.generic import NumberObject

    widths, place = font["/Widths"], SPACE_CODE - int(font.get("/FirstChar", 0))
    if is_fixed_pitch(font) or not 0 <= place < len(widths) or widths[place] <= WIDEST_SPACE:
        return
    if len({width for width in widths if width}) > 1:
        widths[place] = NumberObject(SPACE_WIDTH)


def narrow_composite(font: Any) -> None:
    """Give a composite font without a space character the width that pypdf looks up for one."""
    from pypdf.generic import ArrayObject, NumberObject

    descendant = font["/DescendantFonts"][0].get_object()
    if is_fixed_pitch(descendant) or "/W" not in descendant or SPACE_IN_MAP.search(font["/ToUnicode"].get_data()):
        return
    narrow = [NumberObject(SPACE_CODE), ArrayObject([NumberObject(SPACE_WIDTH)])]
    if descendant["/W"][-2:] != narrow:
        descendant["/W"].extend(narrow)


def is_fixed_pitch(font: Any) -> bool:
    """Return whether all characters of a font have one width."""
    descriptor = font.get("/FontDescriptor")
    return bool(int(descriptor.get_object().get("/Flags", 0)) & FIXED_PITCH) if descriptor else False

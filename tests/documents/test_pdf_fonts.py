"""Fonts without a space get one of usual width; all others are left alone."""

from types import SimpleNamespace
from typing import Any

import pytest
from pypdf import PageObject
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NumberObject, StreamObject

from freqkv_cli.documents.pdf.fonts import SPACE_WIDTH, set_space_widths


def page_with(font: DictionaryObject) -> PageObject:
    page = PageObject.create_blank_page(width=10, height=10)
    fonts = DictionaryObject({NameObject("/F1"): font})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    return page


def simple(widths: list[int], first: int, flags: int = 4) -> DictionaryObject:
    return DictionaryObject(
        {
            NameObject("/FirstChar"): NumberObject(first),
            NameObject("/Widths"): ArrayObject(map(NumberObject, widths)),
            NameObject("/FontDescriptor"): DictionaryObject({NameObject("/Flags"): NumberObject(flags)}),
        }
    )


def composite(to_unicode: bytes) -> DictionaryObject:
    stream = StreamObject()
    stream.set_data(to_unicode)
    descendant = DictionaryObject({NameObject("/W"): ArrayObject([NumberObject(5), ArrayObject([NumberObject(700)])])})
    return DictionaryObject(
        {NameObject("/DescendantFonts"): ArrayObject([descendant]), NameObject("/ToUnicode"): stream}
    )


@pytest.mark.parametrize(
    ("widths", "first", "flags", "after"),
    [
        ([444, 500, 278], 31, 4, [444, SPACE_WIDTH, 278]),
        ([444, 333, 278], 31, 4, [444, 333, 278]),  # a space as it should be
        ([525, 525, 525], 31, 4, [525, 525, 525]),  # all of one width
        ([525, 525, 600], 31, 5, [525, 525, 600]),  # said to be of one width
        ([444, 500], 33, 4, [444, 500]),  # nothing at code 32
        ([444, 500], 1, 4, [444, 500]),
    ],
)
def test_simple_fonts(widths: list[int], first: int, flags: int, after: list[int]) -> None:
    font = simple(widths, first, flags)
    set_space_widths(page_with(font))
    assert font["/Widths"] == after


@pytest.mark.parametrize(
    ("to_unicode", "added"),
    [
        (b"1 beginbfchar\n<0020> <0051>\nendbfchar", True),  # 32 is a Q
        (b"1 beginbfchar\n<0003> <0020>\nendbfchar", False),  # 3 is a space
        (b"1 beginbfrange\n<0003> <0003> <0020>\nendbfrange", False),
    ],
)
def test_composite_fonts(to_unicode: bytes, added: bool) -> None:
    font: Any = composite(to_unicode)
    for _ in range(2):  # a font is shared by many pages
        set_space_widths(page_with(font))
    assert font["/DescendantFonts"][0]["/W"] == [5, [700], *([32, [SPACE_WIDTH]] if added else [])]


def test_a_page_without_fonts() -> None:
    page = PageObject.create_blank_page(width=10, height=10)
    before = dict(page)
    set_space_widths(page)
    set_space_widths(SimpleNamespace(get=lambda key: None))  # type: ignore[arg-type]
    assert dict(page) == before

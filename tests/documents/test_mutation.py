"""Damaged files of every format are read or refused with one line, in bounded time: no other error gets out."""

import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from freqkv_cli.documents import open_document
from freqkv_cli.errors import FreqkvError, InputError, NoTextError
from tests.documents import office_samples as samples
from tests.documents.samples import write_epub, write_pdf

MUTATIONS = 8  # of each sample; the numbers in docs/documents.md are of 75 each

TEXTS = {
    "a.eml": samples.MESSAGE,
    "a.mbox": f"From a@b Sat May  9 10:15:00 2026\n{samples.MESSAGE}",
    "a.srt": samples.SUBTITLES,
    "a.fb2": samples.FB2,
    "a.rtf": samples.RTF,
    "a.csv": 'Date;Text\n1.2.2026;"Rent\nhall"\n2.2.2026;Salt\n',
    "a.json": '[{"name": "Vik", "tags": ["a", {"b": 1}]}, {"name": "Holm"}]',
    "a.html": "<html><head><title>T</title></head><body><nav>x</nav><table><tr><td>a<td>b</table><p>text</body></html>",
    "a.tex": "\\documentclass{a}\\begin{document}\n\\section{S}\nIt \\'e costs \\emph{5\\%}. % no\n",
    "a.md": "---\ntitle: T\n---\n# H\n\ntext\n",
}
FILES: dict[str, Callable[[Path], Path]] = {
    "a.pdf": lambda path: write_pdf(path, ["one page\nwith two lines", "another"], titles=True),
    "a.epub": lambda path: write_epub(path, [("One", "<h1>One</h1><p>text</p>"), ("Two", "<p>more</p>")]),
    "a.docx": samples.write_docx,
    "a.pptx": samples.write_pptx,
    "a.xlsx": samples.write_xlsx,
    "a.odt": lambda path: samples.write_odf(path, "text", samples.ODT_BODY),
    **{name: (lambda path, text=text: path.write_text(text) and path) for name, text in TEXTS.items()},  # type: ignore[misc]
}


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Damage some bytes: change, cut off, cut out, double, or write something over them."""
    changed = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 5, 20])):
        at = chance.randrange(len(changed))
        length = min(chance.choice([1, 2, 4, 30]), len(changed) - at)
        action = chance.randrange(6)
        if action == 0:
            changed[at] ^= 1 << chance.randrange(8)
        elif action == 1:
            changed[at : at + length] = chance.randbytes(length)
        elif action == 2:
            changed[at : at + length] = chance.choice([b"\xff", b"\x00"]) * length
        elif action == 3 and len(changed) > 2 * length:
            del changed[at : at + length]
        elif action == 4:
            changed[at:at] = changed[at : at + length]
        elif chance.random() < 0.2:
            del changed[max(1, at) :]
    return bytes(changed)


def inner_mutated(path: Path, chance: random.Random) -> bytes:
    """Damage one member of a zip and pack it again, so that its check sum is right and its reader sees the damage."""
    target = path.with_suffix(".again")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        chosen = chance.choice([name for name in old.namelist() if name != "mimetype"])
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, mutated(data, chance) if name == chosen and data else data)
    return target.read_bytes()


def refused(path: Path) -> FreqkvError | None:
    """Read a file to its end and return why that was refused, None where it was not."""
    try:
        for page in open_document(str(path)).pages():
            assert page.text
            page.locate()
    except FreqkvError as error:
        return error
    return None


@pytest.mark.parametrize("name", FILES)
def test_damage_is_read_or_refused(tmp_path: Path, name: str) -> None:
    path = FILES[name](tmp_path / name)
    data = path.read_bytes()
    chance = random.Random(name)
    for number in range(MUTATIONS):
        whole = data.startswith(b"PK") and number % 2
        (tmp_path / f"x{path.suffix}").write_bytes(inner_mutated(path, chance) if whole else mutated(data, chance))
        refusal = refused(tmp_path / f"x{path.suffix}")
        assert refusal is None or (isinstance(refusal, InputError | NoTextError) and refusal.message.isprintable())


def test_a_damaged_directory_of_a_zip_is_an_input_error(data: Path) -> None:
    with pytest.raises(InputError, match="broken zip"):
        open_document(str(data / "field" / "bad-directory.epub"))


def test_a_damaged_chapter_is_counted(data: Path) -> None:
    document = open_document(str(data / "field" / "04-badcrc.epub"))
    assert list(document.pages())
    assert document.left_out == {"unreadable parts": 1}

"""Damaged files of every format: bytes changed, cut and doubled, members of zips dropped and blown up, and more.

`python -m tests.documents.mutations FOLDER COUNT [FILE_OR_FOLDER...]` writes COUNT of them into FOLDER, always the
same ones, made of the samples of the tests and of the files that are named, and reads each as `reading` does.
"""

import io
import random
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path

from tests.documents import office_samples as samples
from tests.documents.reading import files_in, report
from tests.documents.samples import write_epub, write_pdf

TEXTS = {
    "a.eml": samples.MESSAGE,
    "a.mbox": f"From a@b Sat May  9 10:15:00 2026\n{samples.MESSAGE}",
    "a.srt": samples.SUBTITLES,
    "a.vtt": "WEBVTT\n\nNOTE no\n\n1\n00:01.000 --> 00:02.000\n<v Ada>It rained.\n\n00:03.000 --> 00:04.000\nLong.\n",
    "a.fb2": samples.FB2,
    "a.rtf": samples.RTF,
    "a.csv": 'Date;Text\n1.2.2026;"Rent\nhall"\n2.2.2026;Salt\n',
    "a.json": '[{"name": "Vik", "tags": ["a", {"b": 1}]}, {"name": "Holm"}]',
    "a.jsonl": '{"name": "Vik"}\n{"name": "Holm", "tags": ["a"]}\n',
    "a.log": "".join(f"2026-11-29T10:15:0{n} harbour: ship {n} came in\n" for n in range(5)),
    "a.html": "<html><head><title>T</title></head><body><nav>x</nav><table><tr><td>a<td>b</table><p>text</body></html>",
    "a.tex": "\\documentclass{a}\\begin{document}\n\\section{S}\nIt \\'e costs \\emph{5\\%}. % no\n",
    "a.rst": "Title\n=====\n\n:Author: Vik\n\ntext\n\nPart\n----\n\nmore\n",
    "a.md": "---\ntitle: T\n---\n# H\n\ntext\n",
    "a.txt": "A plain text.\nIt has two lines, and one caf\u00e9.\n",
}
FILES: dict[str, Callable[[Path], Path]] = {
    "a.pdf": lambda path: write_pdf(path, ["one page\nwith two lines", "another"], titles=True),
    "a.epub": lambda path: write_epub(path, [("One", "<h1>One</h1><p>text</p>"), ("Two", "<p>more</p>")]),
    "a.docx": samples.write_docx,
    "a.pptx": samples.write_pptx,
    "a.xlsx": samples.write_xlsx,
    "a.xls": samples.write_xls,
    "a.odt": lambda path: samples.write_odf(path, "text", samples.ODT_BODY),
    "a.odp": lambda path: samples.write_odf(path, "presentation", samples.ODP_BODY),
    "a.ods": lambda path: samples.write_odf(path, "spreadsheet", samples.ODS_BODY),
    "a.zip": lambda path: samples.write_zip(path, {"one.txt": "first text", "b/two.html": TEXTS["a.html"]}),
    **{name: (lambda path, text=text: path.write_text(text) and path) for name, text in TEXTS.items()},  # type: ignore[misc]
}

Damage = Callable[[bytes, random.Random], bytes]


def changed(data: bytes, chance: random.Random) -> bytes:
    """Change some bytes: flip bits, write over, cut out, double, cut off."""
    damaged = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 5, 20])):
        at = chance.randrange(len(damaged))
        length = min(chance.choice([1, 2, 4, 30]), len(damaged) - at)
        action = chance.randrange(6)
        if action == 0:
            damaged[at] ^= 1 << chance.randrange(8)
        elif action == 1:
            damaged[at : at + length] = chance.randbytes(length)
        elif action == 2:
            damaged[at : at + length] = chance.choice([b"\xff", b"\x00"]) * length
        elif action == 3 and len(damaged) > 2 * length:
            del damaged[at : at + length]
        elif action == 4:
            damaged[at:at] = damaged[at : at + length]
        elif chance.random() < 0.2:
            del damaged[max(1, at) :]
    return bytes(damaged)


def cut_off(data: bytes, chance: random.Random) -> bytes:
    """End the file early."""
    return data[: chance.randrange(len(data))]


def number_blown_up(data: bytes, chance: random.Random) -> bytes:
    """Make a number that is written in the file huge: a length, a count, a size of a table."""
    numbers = [at for at in range(len(data)) if data[at : at + 1].isdigit()]
    if not numbers:
        return changed(data, chance)
    at = chance.choice(numbers)
    return data[:at] + chance.choice([b"2147483648", b"99999999999999999999", b"-1"]) + data[at + 1 :]


def repeated(data: bytes, chance: random.Random) -> bytes:
    """Repeat a piece thousands of times, as far as two megabytes: what opens there is nested deep."""
    at = chance.randrange(len(data))
    piece = data[at : at + chance.choice([1, 5, 20, 100])]
    return data[:at] + piece * min(100_000, (2 << 20) // len(piece)) + data[at:]


def encodings_mixed(data: bytes, chance: random.Random) -> bytes:
    """Write the second half in another encoding than the first."""
    middle = len(data) // 2
    rest = data[middle:].decode("latin-1")
    return data[:middle] + rest.encode(chance.choice(["utf-16", "utf-16-le", "utf-8", "utf-32", "utf-7"]))


def marked(data: bytes, chance: random.Random) -> bytes:
    """Put the mark of another format, or of another encoding, in front."""
    return chance.choice([b"\xff\xfe", b"\xef\xbb\xbf", b"%PDF-1.7\n", b"{\\rtf1 ", b"PK\x03\x04", b"\x1f\x8b"]) + data


def zeroed(data: bytes, chance: random.Random) -> bytes:
    """Keep nothing but NUL bytes, or nothing at all."""
    return b"\x00" * (len(data) * chance.randrange(2))


def nested_in_zip(data: bytes, chance: random.Random) -> bytes:
    """Put the file into a zip, which may be in a zip itself."""
    for level in range(chance.randrange(1, 4)):
        data = zipped({f"{level}.zip" if level else f"inner{chance.choice(['.txt', '', '.pdf'])}": data})
    return data


ANY: tuple[Damage, ...] = (
    *(changed, changed, changed, cut_off, number_blown_up, repeated, encodings_mixed, marked, zeroed, nested_in_zip),
)


def members_of(data: bytes) -> dict[str, bytes]:
    """Return the members of a zip, none of one that is broken."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError):
        return {}


def zipped(members: Mapping[str, bytes]) -> bytes:
    """Return a zip."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def chosen(members: Mapping[str, bytes], chance: random.Random) -> str:
    """Return the name of a member that holds something."""
    return chance.choice([name for name, data in members.items() if data and name != "mimetype"] or list(members))


def member_dropped(data: bytes, chance: random.Random) -> bytes:
    """Leave a member out."""
    members = members_of(data)
    members.pop(chosen(members, chance))
    return zipped(members)


def member_doubled(data: bytes, chance: random.Random) -> bytes:
    """Add a member of a name that is there, with other content."""
    members = members_of(data)
    stream = io.BytesIO(data)
    with zipfile.ZipFile(stream, "a") as archive:
        info = zipfile.ZipInfo(chosen(members, chance))
        archive.writestr(info, chosen(members, chance))
    return stream.getvalue()


def member_changed(data: bytes, chance: random.Random) -> bytes:
    """Damage a member and pack it again, so that its check sum is right and its reader sees the damage."""
    members = members_of(data)
    name = chosen(members, chance)
    damage = chance.choice([changed, changed, cut_off, number_blown_up, repeated, encodings_mixed, zeroed])
    members[name] = damage(members[name], chance) if members[name] else b""
    return zipped(members)


def member_blown_up(data: bytes, chance: random.Random) -> bytes:
    """Make a member a bomb of 40 megabytes."""
    members = members_of(data)
    name = chosen(members, chance)
    members[name] += chance.choice([b" ", b"<p>", b"\x00"]) * (13 << 20)
    return zipped(members)


def size_made_up(data: bytes, chance: random.Random) -> bytes:
    """Let the directory of a zip declare sizes that are not so."""
    at = data.rfind(b"PK\x01\x02")
    offset = at + chance.choice([20, 24])  # packed, unpacked
    size = chance.choice([0, 1, 0x7FFFFFFF, 0xFFFFFFFE])
    return data[:offset] + size.to_bytes(4, "little") + data[offset + 4 :]


OF_ZIPS: tuple[Damage, ...] = (
    *(member_changed, member_changed, member_dropped, member_doubled, member_blown_up, size_made_up),
)


def mutations(samples_of: Mapping[str, bytes], seed: str = "0") -> Iterator[tuple[str, bytes]]:
    """Yield names and damaged bytes without end, one of each sample in turn, every kind of damage in turn.

    One in ten has the suffix of another sample.
    """
    suffixes = [Path(name).suffix for name in samples_of]
    for turn in count():
        for number, (name, data) in enumerate(samples_of.items()):
            chance = random.Random(f"{seed} {turn} {name}")
            kinds = ANY + (OF_ZIPS if members_of(data) else ())
            damage = kinds[(turn + number) % len(kinds)]
            suffix = chance.choice(suffixes) if chance.random() < 0.1 else Path(name).suffix
            yield f"{turn:03}-{Path(name).stem}-{damage.__name__}{suffix}", damage(data, chance)


def own_samples(folder: Path) -> dict[str, bytes]:
    """Return a file of every format, made in `folder`."""
    return {name: make(folder / name).read_bytes() for name, make in FILES.items()}


def main(folder: Path, number: int, others: list[str]) -> int:
    """Write so many damaged files and read them; return 1 if one of them ended in a fault."""
    with tempfile.TemporaryDirectory() as made:
        found = own_samples(Path(made)) | {path: Path(path).read_bytes() for path in files_in(others)}
    folder.mkdir(parents=True, exist_ok=True)
    names: list[str] = []
    for (name, data), _ in zip(mutations(found), range(number), strict=False):
        target = folder / f"{len(names):05}-{name}"
        target.write_bytes(data)
        names.append(str(target))
    return min(1, report(names))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))

"""What the progress says: words only, no drawing. Widths are columns."""

from dataclasses import dataclass
from pathlib import PurePath

from rich.cells import cell_len, set_cell_size

from freqkv_cli.events import Progress
from freqkv_cli.terminal.number_format import clock, memory, plural, seconds, short, whole
from freqkv_cli.terminal.printable import one_line

NARROW = 96  # columns; below, numbers are rounded and words cut
SHORTEST_BAR = 8
SHORTEST_NAME = 12
LONGEST_NAME = 32


@dataclass(frozen=True, slots=True)
class Words:
    """Two lines of progress: `head`, then a bar of `bar` columns, then `tail`; and `figures` below."""

    head: str
    bar: int
    tail: str
    figures: str


def share_done(progress: Progress) -> float | None:
    """How much has been loaded or read, 0 to 1; None as long as there is no idea of the total."""
    if not progress.tokens_total or progress.phase == "answering":
        return None
    return min(progress.tokens_done / progress.tokens_total, 1.0)


def words(progress: Progress, width: int) -> Words:
    """The progress in at most two lines of `width` columns; what matters least goes first when room is short."""
    loading = progress.phase == "loading"
    name = progress.source if loading else PurePath(progress.source).name or progress.source
    head = f"{progress.phase} {_clip(name, LONGEST_NAME)}".rstrip()
    share = share_done(progress)
    parts = _tail_parts(progress, share, width < NARROW)
    while parts and cell_len(head) + len("  ".join(parts)) + SHORTEST_BAR + 2 > width:
        if cell_len(head) > len(progress.phase) + SHORTEST_NAME:
            head = f"{progress.phase} {_clip(name, cell_len(head) - len(progress.phase) - 2)}"
        else:
            parts.pop()
    tail = "  ".join(parts)
    bar = 0 if share is None else max(0, width - cell_len(head) - len(tail) - 2)
    figures = "" if loading else _fit(_figure_parts(progress, width < NARROW), width)
    return Words(_clip(head, width), bar, tail, figures)


def plain(progress: Progress) -> str:
    """The progress as one line of a log."""
    text = f"{progress.phase} {one_line(progress.source)}".rstrip()
    parts = _tail_parts(progress, share_done(progress), narrow=False)
    if progress.phase != "loading":
        parts += [part for _, part in _figure_parts(progress, narrow=False)]
    return f"{text}: {', '.join(one_line(part) for part in parts)}" if parts else text


def _tail_parts(progress: Progress, share: float | None, narrow: bool) -> list[str]:
    """The figures beside the bar, the most wanted first; padded, so that they stay in their place."""
    parts = [] if share is None else [f"{share:4.0%}"]
    if progress.eta_seconds is not None and progress.phase != "answering":
        parts.append(f"ETA {clock(progress.eta_seconds):>5}")
    if progress.phase == "loading":  # a download: its figures are bytes
        return [*parts, f"{memory(progress.tokens_done)} of {memory(progress.tokens_total or 0)}"] if parts else []
    if progress.page is not None and progress.phase == "reading":
        word = "p." if narrow else "page"
        pages = str(progress.pages or "")
        parts.append(f"{word} {progress.page:>{len(pages)}}{'/' if pages else ''}{pages}")
    if progress.tokens_per_second:
        parts.append(f"{whole(progress.tokens_per_second)} tok/s")
    return parts


def _figure_parts(progress: Progress, narrow: bool) -> list[tuple[int, str]]:
    """Figures in the order they are read, each with its rank: the highest rank is left out first."""
    parts = [(0, one_line(progress.detail))] if progress.detail else []
    parts.append((1 if parts else 0, _tokens(progress, narrow)))
    if progress.cache_size:
        parts.append((2, f"slots {progress.slots_used}/{progress.cache_size}"))
        parts.append((1, f"cache {memory(progress.cache_bytes)}"))
        parts.append((4, f"{progress.compressions} compr." if narrow else plural(progress.compressions, "compression")))
    if progress.process_bytes:
        parts.append((5 if progress.gpu_bytes is not None else 3, f"RSS {memory(progress.process_bytes)}"))
    if progress.gpu_bytes is not None:
        parts.append((3, f"GPU {memory(progress.gpu_bytes)}"))
    if progress.seconds and not narrow:
        parts.append((6, seconds(progress.seconds)))
    return parts


def _tokens(progress: Progress, narrow: bool) -> str:
    number = short if narrow else whole
    if progress.phase == "indexing":
        return f"{number(progress.tokens_done)} of {number(progress.tokens_total or 0)} passages"
    if progress.phase == "answering" or not progress.tokens_total:
        return plural(progress.tokens_done, "token")
    total = max(progress.tokens_total, progress.tokens_done)
    about = "" if progress.total_is_exact else "~"
    between = "/" if narrow else " of "
    return f"{number(progress.tokens_done)}{between}{about}{number(total)} {'tok' if narrow else 'tokens'}"


def _fit(parts: list[tuple[int, str]], width: int) -> str:
    while len(parts) > 1 and len("  ".join(part for _, part in parts)) > width:
        parts.remove(max(parts))
    return "  ".join(part for _, part in parts)[:width]


def _clip(text: str, width: int) -> str:
    text = one_line(text)
    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1).rstrip()}…"

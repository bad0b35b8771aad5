"""Numbers as people read them."""


def whole(number: float) -> str:
    """165213 -> 165,213."""
    return f"{number:,.0f}"


def short(number: int) -> str:
    """165213 -> 165k, 45213 -> 45.2k, 1234567 -> 1.23M: for narrow terminals."""
    for size, unit in ((1_000_000, "M"), (1000, "k")):
        if number >= size:
            return f"{_digits(number / size)}{unit}"
    return str(number)


def memory(size: int) -> str:
    """Bytes -> 45.0 MiB, 1.02 GiB."""
    for exponent, unit in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if size >= 1024**exponent:
            return f"{_digits(size / 1024**exponent)} {unit}"
    return f"{size} B"


def seconds(duration: float) -> str:
    """3.2 s, 214 s."""
    return f"{duration:.1f} s" if duration < 10 else f"{duration:,.0f} s"


def clock(duration: float) -> str:
    """2:36, 1:02:36."""
    minutes, rest = divmod(round(duration), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def plural(number: int, noun: str) -> str:
    """1 page, 98 pages."""
    return f"{whole(number)} {noun}{'' if number == 1 else 's'}"


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"

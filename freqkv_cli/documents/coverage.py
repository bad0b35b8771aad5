"""Coverage: whether enough pages of a document gave text, and how what is missing is said."""

from freqkv_cli.documents.page_range import compress
from freqkv_cli.documents.reader import Findings, reason
from freqkv_cli.errors import InputError, NoTextError

EMPTY_SHARE = 0.9  # above this share of pages without text a document counts as scanned
OCR_HINT = "it looks scanned, so have its text recognised with --ocr, or with ocrmypdf in.pdf out.pdf and read out.pdf"


def check_coverage(findings: Findings, label: str, page_count: int, unit: str = "page") -> None:
    """Say which pages gave no text; raise NoTextError if nearly all have none, InputError if none can be read."""
    empty, bad = len(findings.empty_pages), len(findings.bad_pages)
    if bad and bad == page_count:
        why = next(iter(findings.bad_pages.values()))
        raise InputError(f"{label}: no {unit} of it can be read ({why}): get it again, or repair it")
    if empty + bad == page_count or empty > EMPTY_SHARE * page_count:
        raise NoTextError(f"{label}: {empty} of {page_count} {unit}s have no text: {OCR_HINT}")
    if empty:
        scanned = findings.scanned_pages
        hint = f" ({compress(scanned)} scanned: --ocr reads pictures)" if scanned else ""
        findings.warnings.append(
            f"{label}: no text on {unit}{'s' * (empty > 1)} {compress(findings.empty_pages)}{hint}"
        )


def record_bad(findings: Findings, label: str, number: int, error: Exception, unit: str = "page") -> None:
    """Note a page that cannot be read."""
    why = reason(error)
    findings.bad_pages[number] = why
    findings.warnings.append(f"{label}: {unit} {number} cannot be read ({why}) and is left out")


def left_out(findings: Findings, unit: str = "page") -> dict[str, int]:
    """Return how much of what kind is not in the text, whatever the reason; empty if all of it is."""
    missing = {
        f"unreadable {unit}s": len(findings.bad_pages),
        f"{unit}s without text": len(findings.empty_pages),
        **findings.left_out,
    }
    return {kind: count for kind, count in missing.items() if count}

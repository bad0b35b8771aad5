"""EML and MBOX: messages with sender, date and subject; what is attached is named and counted."""

import email
import email.policy
import re
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from typing import Any

from freqkv_cli.documents.clean import clean, single_line
from freqkv_cli.documents.markup.html_lines import fragments
from freqkv_cli.documents.metadata import Metadata
from freqkv_cli.documents.parts import Part, PartsReader, explained
from freqkv_cli.documents.reader import Findings
from freqkv_cli.documents.source import Source
from freqkv_cli.errors import InputError
from freqkv_cli.location import Location

MESSAGE_LIMIT = 64 << 20  # bytes of one message
HEADER_LIMIT = 4096  # characters of one header; the standard library takes time with the square of its length
HEADERS = ("From", "To", "Cc", "Date", "Subject")
SEPARATOR = re.compile(rb"From \S+.*\d{4}\s*$")
ATTACHMENTS = "attachments"
BLANK_LINES = re.compile(r"\n{3,}")


class ShortHeaders(email.policy.EmailPolicy):
    """The standard library's policy for messages of our time, with headers that are cut at HEADER_LIMIT."""

    def header_fetch_parse(self, name: str, value: str) -> Any:
        """Return a header parsed."""
        return super().header_fetch_parse(name, value[:HEADER_LIMIT])


def open_mail(source: Source, *, many: bool) -> PartsReader:
    """Return the reader of one message, or of a mailbox; raise InputError for a message that is too large."""
    what = "mailbox" if many else "message"
    metadata = Metadata()
    if not many:
        if source.byte_count > MESSAGE_LIMIT:
            raise InputError(f"{source.label} is larger than {MESSAGE_LIMIT >> 20} MB, too large for a message")
        with source.opened() as stream, explained(source, what):
            message = parse(stream.read())
            date = message_date(message)
            metadata = Metadata(header(message, "Subject"), header(message, "From"), date)

    def parts(findings: Findings) -> Iterator[tuple[Part, float]]:
        read = 0
        for number, data in enumerate(messages(source) if many else [b"".join(source.blocks())], 1):
            read += len(data)
            try:
                yield message_part(parse(data), number if many else None, findings), min(1.0, read / source.byte_count)
            except (LookupError, ValueError, TypeError, AttributeError, IndexError):
                if not many:
                    raise
                findings.leave_out("damaged messages")  # the library stumbles over headers that are none

    return PartsReader(source, what, parts, metadata=metadata)


def messages(source: Source) -> Iterator[bytes]:
    """Yield the messages of a mailbox, one in memory at a time; raise ValueError for one that is too large."""
    held: list[bytes] = []
    size = 0
    blank = True
    with source.opened() as stream:
        for line in stream:
            if blank and SEPARATOR.match(line):
                if held:
                    yield b"".join(held)
                held, size = [], 0
                continue
            size += len(line)
            if size > MESSAGE_LIMIT:
                raise ValueError(f"a message is larger than {MESSAGE_LIMIT >> 20} MB")
            held.append(line[1:] if line.startswith(b">From ") else line)
            blank = not line.strip()
    if held:
        yield b"".join(held)


def parse(data: bytes) -> EmailMessage:
    """Return a message."""
    message = email.message_from_bytes(data, policy=ShortHeaders())
    assert isinstance(message, EmailMessage)
    return message


def message_part(message: EmailMessage, number: int | None, findings: Findings) -> Part:
    """Return a message as text: its headers, its body, and the names of what is attached."""
    lines = [f"{name}: {value}" for name in HEADERS if (value := header(message, name))]
    for attached in message.iter_attachments():
        findings.leave_out(ATTACHMENTS)
        lines.append(f"Attachment: {single_line(attached.get_filename() or attached.get_content_type())}")
    body = message.get_body(preferencelist=("plain", "html"))
    text = "\n".join(lines) + "\n\n" + (body_text(body, findings) if body else "")
    date = message_date(message)
    label = f"message{f' {number}' if number else ''}{f' of {date}' if date else ''}"
    subject = header(message, "Subject")
    return Part(clean(text).strip(), Location(label=label, heading=subject), subject)


def body_text(body: Any, findings: Findings) -> str:
    """Return the text of a body, whatever its encoding."""
    try:
        text = str(body.get_content())
    except (LookupError, ValueError):
        text = (body.get_payload(decode=True) or b"").decode("utf-8", "replace")
    if body.get_content_type() == "text/html":
        text = "".join(part.text for part in fragments(text, findings=findings))
    return BLANK_LINES.sub("\n\n", text.replace("\r\n", "\n"))


def header(message: EmailMessage, name: str) -> str | None:
    """Return a header on one line, None without it or where it cannot be parsed."""
    try:
        return single_line(str(message[name] or ""))[:500] or None
    except Exception:  # the standard library fails in many ways over malformed addresses
        return None


def message_date(message: EmailMessage) -> str | None:
    """Return the day of a message as 9 May 2026, None where it has none."""
    try:
        moment = parsedate_to_datetime(str(message["Date"]))
    except Exception:  # as above
        return None
    return f"{moment.day} {moment:%B %Y}"

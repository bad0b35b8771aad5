"""Documents at web addresses, fetched only where the user allows it, and never from a private network."""

import ipaddress
import re
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from freqkv_cli.documents.reader import reason
from freqkv_cli.documents.source import Source, printable, spooled
from freqkv_cli.errors import InputError, NoTextError, UsageError

if TYPE_CHECKING:
    import httpx2

ADDRESS = re.compile(r"https?://", re.IGNORECASE)
LARGEST = 64 << 20  # bytes of a document
LONGEST = 120.0  # seconds that one may take
STEP = 20.0  # seconds in which a server must say something
REDIRECTS = 5
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # holds any IPv4 address, private ones too
# What a server calls a text whose content leaves it open.
KINDS = {"text/html": "html", "application/xhtml+xml": "html", "text/markdown": "markdown", "text/csv": "csv"}

Resolve = Callable[[str, int], list[str]]


def is_address(name: str) -> bool:
    """Return whether the user named a web address."""
    return ADDRESS.match(name) is not None


def addresses_of(host: str, port: int) -> list[str]:
    """Return the IP addresses of a host. Raises OSError."""
    return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the public internet, and holds no other address that is not."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address) and (
        parsed.ipv4_mapped or parsed.sixtofour or parsed.teredo or parsed in NAT64
    ):
        return False
    return parsed.is_global and not parsed.is_multicast


def fetched(name: str, resolve: Resolve = addresses_of, transport: "httpx2.BaseTransport | None" = None) -> Source:
    """Return the document at a web address.

    Each host, also of a redirect, is resolved once, and the connection goes to the very address that was checked, past
    any proxy. Raises UsageError for an address that may not be, InputError for what cannot be had.
    """
    import httpx2

    label, ends = printable(name), time.monotonic() + LONGEST
    try:
        # Nothing of the environment: a proxy or .netrc would send the request elsewhere than was checked.
        with httpx2.Client(transport=transport, trust_env=False, timeout=STEP) as client:
            url = httpx2.URL(name)
            for _ in range(REDIRECTS + 1):
                with client.stream("GET", **aimed(url, label, resolve)) as response:
                    if response.has_redirect_location:
                        url = url.join(response.headers["location"])
                        continue
                    return received(response, name, label, ends)
    except httpx2.InvalidURL as error:
        raise UsageError(f"{label} is no web address ({error}): check it") from None
    except httpx2.HTTPError as error:
        raise InputError(f"{label} cannot be fetched ({reason(error)}): check the address and the network") from None
    raise InputError(f"{label} leads on more than {REDIRECTS} times: name the address where it ends")


def aimed(url: "httpx2.URL", label: str, resolve: Resolve) -> dict[str, Any]:
    """Return a request for `url` that goes to a checked IP address."""
    if url.scheme not in ("http", "https") or not url.host:
        raise UsageError(f"{label} leads to {printable(str(url))}: only http and https addresses are read")
    if url.userinfo:
        raise UsageError(
            f"{label} has a name or password in it, which is not sent: download it yourself and pipe it in"
        )
    try:
        found = resolve(url.host, url.port or (443 if url.scheme == "https" else 80))
    except (OSError, UnicodeError) as error:
        raise InputError(f"{label}: the host {url.host} is not found ({reason(error)}): check the address") from None
    if not found or not all(map(is_public, found)):
        raise UsageError(f"{label} leads to {url.host}, which is no public host: download it yourself and pipe it in")
    host = url.netloc.decode("ascii")
    return {
        "url": url.copy_with(host=found[0], fragment=None),
        "headers": {"Host": host, "Accept-Encoding": "identity", "User-Agent": "freqkv"},
        "extensions": {"sni_hostname": url.raw_host.decode("ascii")},  # whom the certificate must name
    }


def received(response: "httpx2.Response", name: str, label: str, ends: float) -> Source:
    """Return what a server sends as a source."""
    if response.status_code != 200:
        raise InputError(f"{label} cannot be fetched: the server says {response.status_code}; check the address")
    source = spooled(name, label, Received(response.iter_bytes(), label, ends))
    if source.byte_count == 0:
        source.close()
        raise NoTextError(f"{label} is empty: name an address with text")
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return replace(source, suggested=KINDS.get(media_type))


class Received:
    """What comes from a server, as a stream that ends with InputError where it is too much or takes too long."""

    def __init__(self, pieces: Iterator[bytes], label: str, ends: float) -> None:
        self._pieces, self._label, self._ends, self._seen = pieces, label, ends, 0

    def read(self, count: int, /) -> bytes:
        """Return the next piece, whatever its size; empty at the end."""
        piece = next(self._pieces, b"")
        self._seen += len(piece)
        if self._seen > LARGEST:
            raise InputError(f"{self._label} is larger than {LARGEST >> 20} MB: download it yourself and name the file")
        if time.monotonic() > self._ends:
            raise InputError(f"{self._label} takes more than {LONGEST:.0f} s: download it yourself and name the file")
        return piece

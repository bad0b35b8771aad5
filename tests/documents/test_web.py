"""Web addresses: fetched only where they may be, from the very address that was checked, within limits."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx2
import pytest

from freqkv_cli.documents import web
from freqkv_cli.documents.document import open_documents
from freqkv_cli.documents.source import Source
from freqkv_cli.documents.web import addresses_of, fetched, is_address, is_public
from freqkv_cli.errors import FreqkvError, InputError, NoTextError, UsageError

PUBLIC = "93.184.216.34"
Answer = Callable[[httpx2.Request], httpx2.Response]


def resolve(host: str, port: int) -> list[str]:
    """A resolver in which `inside...` is a private host."""
    if host == "nowhere.example":
        raise OSError("no such host")
    return ["10.0.0.7"] if host.startswith("inside") else ["93.184.216.34", "2606:2800:220:1::1"]


def fetch(address: str, answer: Answer) -> Source:
    """Fetch from a played network."""
    return fetched(address, resolve, httpx2.MockTransport(answer))


def never(request: httpx2.Request) -> httpx2.Response:
    """A server that must not be asked."""
    raise AssertionError(request.url)


def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, text="Hello, world.")

    source = fetch("https://example.org:8443/a.txt?b=1#c", answer)
    assert source.head(99) == b"Hello, world."
    (request,) = seen
    assert str(request.url) == f"https://{PUBLIC}:8443/a.txt?b=1"
    assert request.headers["host"] == "example.org:8443"
    assert request.extensions["sni_hostname"] == "example.org"  # whom the certificate must name


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
        ),
        *("::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:93.184.216.34"),
        *("64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
    ],
)
def test_no_private_address_is_public(address: str) -> None:
    assert not is_public(address)


def test_a_public_address_is() -> None:
    assert is_public(PUBLIC)
    assert is_public("2606:2800:220:1::1")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://inside.example/", "no public host"),
        ("https://me:pw@example.org/", "name or password"),
        ("http://nowhere.example/", "not found"),
        ("http:///a.txt", "only http and https"),
        ("http://example.org:port/", "no web address"),
    ],
)
def test_what_may_not_be_fetched_is_not_asked_for(address: str, told: str) -> None:
    with pytest.raises((UsageError, InputError), match=told):
        fetch(address, never)


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/", "http://[::1]:1/", "http://localhost:1/"])
def test_this_machine_is_no_public_host_to_the_real_resolver(address: str) -> None:
    with pytest.raises(UsageError, match="no public host"):
        fetched(address, addresses_of, httpx2.MockTransport(never))


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("http://inside.example/", "no public host"),
        ("file:///etc/passwd", "only http and https"),
        ("https://a:b@example.org/", "name or password"),
        ("/again", "more than 5 times"),
    ],
)
def test_each_step_of_a_redirect_is_checked(target: str, told: str) -> None:
    with pytest.raises(FreqkvError, match=told):
        fetch("https://example.org/", lambda request: httpx2.Response(302, headers={"Location": target}))


def test_a_redirect_is_followed_to_a_host_that_may_be() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.headers["host"] == "example.org":
            return httpx2.Response(301, headers={"Location": "http://other.example/b.txt"})
        return httpx2.Response(200, text=request.headers["host"])

    assert fetch("https://example.org/", answer).head(99) == b"other.example"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda request: httpx2.Response(404, text="no"), "says 404"),
        (lambda request: httpx2.Response(200, content=b""), "is empty"),
        (lambda request: httpx2.Response(200, content=b"x" * 101), "is larger than"),
    ],
)
def test_what_cannot_be_had_is_said(monkeypatch: pytest.MonkeyPatch, answer: Answer, told: str) -> None:
    monkeypatch.setattr(web, "LARGEST", 100)
    with pytest.raises((InputError, NoTextError), match=told):
        fetch("https://example.org/", answer)


def test_what_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "LONGEST", -1.0)
    with pytest.raises(InputError, match="takes more than"):
        fetch("https://example.org/", lambda request: httpx2.Response(200, text="late"))


@pytest.fixture
def local() -> Iterator[str]:
    """A real server, which says what host it was asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"<p>Asked for {self.headers['Host']}.</p><nav><a href='/'>Home</a></nav>".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://example.test:{server.server_port}/page"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_page_is_read_as_html_where_the_server_says_so(local: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "is_public", lambda address: address == "127.0.0.1")
    source = fetched(local, lambda host, port: ["127.0.0.1"])
    monkeypatch.setattr("freqkv_cli.documents.document.fetched", lambda address: source)
    (document,) = open_documents([local], net=lambda address: True)
    with document:
        assert document.kind == "html"
        host = local.removeprefix("http://").partition("/")[0]
        assert f"Asked for {host}." in "".join(page.text for page in document.pages())


def test_nothing_is_fetched_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("freqkv_cli.documents.document.fetched", never)
    for net in (None, lambda address: False):
        with pytest.raises(UsageError, match="--allow-net"):
            open_documents(["https://example.org/"], net=net)
    assert not is_address("ftp://example.org/")
    assert not is_address("books/http:/a.txt")

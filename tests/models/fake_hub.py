"""A hub on this machine that serves one file, in its way: the hash in a header, and from any byte on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class Hub:
    """What it serves, and what it was asked for: the first byte of each request. It sends at most `sent` bytes."""

    path: str
    content: bytes
    etag: str
    sent: int = 1 << 30
    asked: list[int] = field(default_factory=list)


@contextmanager
def serving(hub: Hub) -> Iterator[str]:
    """Serve until the end of the block; gives the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(0)

        def do_GET(self) -> None:
            begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
            hub.asked.append(begin)
            self.answer(begin)
            self.wfile.write(hub.content[begin:][: hub.sent])

        def answer(self, begin: int) -> None:
            if self.path != hub.path:
                self.send_error(404)
                return
            self.send_response(206 if begin else 200)
            self.send_header("ETag", f'"{hub.etag}"')
            self.send_header("X-Repo-Commit", "a" * 40)
            self.send_header("Content-Length", str(len(hub.content) - begin))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()

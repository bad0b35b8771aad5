"""What every request passes: a token, an origin and a size that may be."""

import hmac
import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Gate:
    """Middleware. Without a `token` anybody who reaches it may ask, but for web pages of others in a browser.

    `most` is in bytes. Only what lies under /v1/ is guarded; the page itself says nothing of any document.
    """

    def __init__(self, app: ASGIApp, token: str | None, most: int) -> None:
        self.app = app
        self.token = token
        self.most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or hand it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if (refusal := self.refused(scope["path"], Headers(scope=scope))) is not None:
            await refusal(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.most:
                raise HTTPException(413, f"the request is larger than {self.most} bytes: raise --upload-limit")
            return message

        await self.app(scope, counted, send)

    def refused(self, path: str, headers: Headers) -> Response | None:
        """Return why a request is refused, None where it is not."""
        if not path.startswith("/v1/"):
            return None
        if self.token is not None:
            given = headers.get("authorization", "").encode()
            right = hmac.compare_digest(given, f"Bearer {self.token}".encode())
            return None if right else problem(401, "the token is missing or wrong")
        # A page in a browser may send forms anywhere; only its origin tells that they are not the user's own.
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != headers.get("host"):
            return problem(403, f"a web page of {printed(origin)} may not ask: only the server's own page")
        return None


def printed(text: str) -> str:
    """Return what a client sent without what would upset a terminal."""
    return re.sub(r"[^\x20-\x7e]", "?", text)[:100]


def problem(status: int, message: str) -> Response:
    """Return an error as OpenAI's interface has it."""
    return JSONResponse({"error": {"message": message, "type": "invalid_request_error"}}, status)

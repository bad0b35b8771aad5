"""Tools of the Model Context Protocol, over stdio, by the official SDK: read, ask, summarize and passages.

What may be read lies in the folders that the server was started with, or in the roots of a client that has some.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import unquote, urlparse

from mcp.server.mcpserver import Context, ListRoots, MCPServer, Resolve
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ListRootsResult

from freqkv_cli import __version__
from freqkv_cli.config import Settings
from freqkv_cli.errors import FreqkvError
from freqkv_cli.events import Progress
from freqkv_cli.serving.document_service import DocumentService, Tell, make_service

Result = TypeVar("Result")
INSTRUCTIONS = (
    "Reads documents of any length (PDF, EPUB, Word, text ...) on this machine with a small local model. Use passages "
    "to look something up word for word, ask for an answer with places, summarize for the whole."
)


async def client_roots(ctx: Context) -> ListRoots | ListRootsResult:
    """Ask the client for its roots, where it says that it has some."""
    told = ctx.request_context.session.client_capabilities
    return ListRoots() if told is not None and told.roots is not None else ListRootsResult(roots=[])


Roots = Annotated[ListRootsResult, Resolve(client_roots)]


def make_server(settings: Settings, folders: Sequence[Path]) -> MCPServer:
    """Return the server; documents are read one at a time, in a thread of their own."""
    server: MCPServer = MCPServer("freqkv", instructions=INSTRUCTIONS, version=__version__)
    service = make_service(settings, folders)
    thread = ThreadPoolExecutor(1)  # the model, and SQLite, belong to one

    async def done(ctx: Context, roots: ListRootsResult, work: Callable[[DocumentService, Tell], Result]) -> Result:
        loop = asyncio.get_running_loop()

        def tell(progress: Progress) -> None:
            words = f"{progress.phase} {progress.source}".strip()
            report = ctx.report_progress(progress.tokens_done, progress.tokens_total, words)
            asyncio.run_coroutine_threadsafe(report, loop).result()

        def run() -> Result:
            service.roots = [folder_of(str(root.uri)) for root in roots.roots] or folders
            return work(service, tell)

        try:
            return await loop.run_in_executor(thread, run)
        except FreqkvError as error:
            raise ToolError(error.message) from None

    @server.tool()
    async def read(path: str, ctx: Context, roots: Roots) -> dict[str, Any]:
        """Read a document from start to end, so that questions about it are answered quickly."""
        return await done(ctx, roots, lambda service, tell: service.read(path, tell))

    @server.tool()
    async def ask(path: str, question: str, ctx: Context, roots: Roots) -> dict[str, Any]:
        """Answer a question about a document, with quotes and their places, or say that it does not tell."""
        return await done(ctx, roots, lambda service, tell: service.ask(path, question, tell))

    @server.tool()
    async def summarize(
        path: str,
        ctx: Context,
        roots: Roots,
        length: str = "medium",
        focus: str | None = None,
    ) -> dict[str, Any]:
        """Summarise a document: short, medium, long or a number of words; focus keeps to one topic."""
        return await done(ctx, roots, lambda service, tell: service.summarize(path, length, focus, tell))

    @server.tool()
    async def passages(path: str, query: str, ctx: Context, roots: Roots, count: int = 5) -> list[dict[str, Any]]:
        """Find the passages of a document that fit a query best, word for word, with their places."""
        return await done(ctx, roots, lambda service, tell: service.passages(path, query, count, tell))

    return server


def folder_of(uri: str) -> Path:
    """Return the folder that a root names."""
    return Path(unquote(urlparse(uri).path))

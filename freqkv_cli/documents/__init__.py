"""What is read: files, stdin, pdf, epub, html, markdown and text become pages of text with their place."""

from freqkv_cli.documents.document import Document, open_document, open_documents
from freqkv_cli.documents.page import Page

__all__ = ["Document", "Page", "open_document", "open_documents"]

"""Texts in markup: web pages, e-books, Markdown, reStructuredText and LaTeX."""

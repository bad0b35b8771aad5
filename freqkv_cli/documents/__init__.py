"""What is read: files, stdin, pdf, epub, html, markdown and text become pages of text with their place."""

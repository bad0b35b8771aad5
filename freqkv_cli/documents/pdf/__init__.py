"""PDF: words with their boxes become lines, columns and table rows; what repeats on every page is left out."""

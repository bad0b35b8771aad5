"""Files of many like things: rows, objects, messages, subtitles, lines of a log."""

"""Reading for other programs: tools of the Model Context Protocol."""

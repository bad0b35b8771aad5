"""Files of office programs: texts, spreadsheets and slides."""

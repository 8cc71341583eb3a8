"""Arguments and delimited text, as blocks of rows with names."""

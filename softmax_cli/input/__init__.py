"""Arguments, delimited text, JSON and npy, as blocks of rows with names."""

"""Between reading and writing: blocks of rows become named fields, and sums over all rows."""

"""Results as delimited text, JSON, arrays and tables."""

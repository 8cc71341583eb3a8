"""Results as delimited text, JSON and tables; the only place that knows rich."""

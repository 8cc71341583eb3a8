"""Chunks through parse, compute and encode, by one process or several, in order."""

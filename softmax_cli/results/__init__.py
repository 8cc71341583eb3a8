"""The results of each command for a block of rows, and their layouts."""

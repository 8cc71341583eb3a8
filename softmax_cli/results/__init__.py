"""What each command reads off the core for a block of rows, and how it is laid out."""

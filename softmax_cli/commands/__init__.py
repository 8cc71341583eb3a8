"""A module for each command: its options, then read, compute, write."""

"""Audit of a data set: counts, duplicates, leaks between splits and unreadable files."""

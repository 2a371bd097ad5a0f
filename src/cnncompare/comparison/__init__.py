"""Comparison of finished runs, which are read from disk; imports no torch."""

"""Comparison of finished runs, read from disk; imports no torch."""

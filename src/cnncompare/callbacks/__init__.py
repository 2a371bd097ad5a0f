"""Measurements and what is shown of them: one concern a file."""

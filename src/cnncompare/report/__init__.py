"""The report: a comparison as words, tables and pictures; imports no torch."""

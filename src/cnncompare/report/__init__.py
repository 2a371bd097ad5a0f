"""The report: a comparison as sentences, tables and figures; imports no torch."""

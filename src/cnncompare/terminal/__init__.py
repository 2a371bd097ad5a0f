"""Console output: tables that fit the terminal, number formats, progress; imports no torch."""

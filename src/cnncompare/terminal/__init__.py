"""Console output: number formats, tables that fit the terminal, progress; imports no torch."""

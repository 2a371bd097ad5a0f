"""Statistics: pure functions over finished runs, read from disk; imports no torch."""

"""Names, papers and sizes of the networks; imports no torch, except to compute the table."""

"""Names, papers and sizes of the available networks; only `tabulate` imports torch."""

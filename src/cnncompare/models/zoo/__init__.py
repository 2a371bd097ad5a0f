"""The networks implemented in this project, one file per family."""

"""This project's own networks, one file per family."""

"""Runs on disk: the record's schema, the folder and its files, the life cycle."""

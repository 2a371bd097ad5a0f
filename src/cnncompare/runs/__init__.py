"""Runs on disk: schema of the record, folder and file names, life cycle, locks."""

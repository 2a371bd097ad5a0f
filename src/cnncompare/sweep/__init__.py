"""Sweeps: one new process per job."""

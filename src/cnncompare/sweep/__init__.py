"""Sweeps: a queue of jobs, each in a process of its own."""

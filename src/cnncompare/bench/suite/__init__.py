"""Benchmark suite: comparison of this project with a baseline script."""

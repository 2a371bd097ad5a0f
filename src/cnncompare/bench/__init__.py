"""Benchmarks of the pipeline, the loop, the model and the start-up."""

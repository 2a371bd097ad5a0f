"""Benchmarks of the input pipeline, the training loop, the models and the start-up."""

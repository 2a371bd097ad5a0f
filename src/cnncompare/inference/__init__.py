"""Inference: choice of runs and images, preprocessing as in the run's test, and predictions."""

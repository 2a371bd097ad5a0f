"""Loggers, and the hyperparameters and figures that they receive."""

"""Loggers, and the hyperparameters and figures written to them."""

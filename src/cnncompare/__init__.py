"""Train convolutional networks under one recorded protocol and compare them with statistics."""

__all__ = ["__version__"]

__version__ = "0.2.0"

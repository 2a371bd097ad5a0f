"""The bench: how fast pipeline, loop, model and start are, beside a plain PyTorch script."""

"""The benchmark suite: this project beside a baseline script."""

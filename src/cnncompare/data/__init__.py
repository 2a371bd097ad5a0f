"""Data sets: sources, splits, decoding, augmentation and batches."""

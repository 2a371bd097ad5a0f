"""Pretrained weights: loading, the transform that belongs to them, and fine-tuning."""

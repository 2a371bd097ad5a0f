"""Pretrained weights: loading, the transform that belongs to them, fine-tuning."""

"""ImageNet's validation set in the layouts that people have."""

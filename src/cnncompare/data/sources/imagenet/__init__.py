"""ImageNet's validation images in the common folder and archive layouts."""

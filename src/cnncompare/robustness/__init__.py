"""Accuracy of finished runs on corrupted test images, and on published sets of such images."""

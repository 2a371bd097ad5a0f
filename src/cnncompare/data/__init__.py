"""The images: one file per source, and the batches that are made of them."""

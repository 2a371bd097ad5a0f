"""Images: one file per source, and the batches made of them."""

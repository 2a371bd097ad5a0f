"""Export: a run's network as a file for use elsewhere, verified, with a model card."""

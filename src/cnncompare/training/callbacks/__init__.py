"""Lightning callbacks, each with one concern."""

"""Lightning callbacks, each for one measurement or concern."""

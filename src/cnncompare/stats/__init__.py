"""Statistics as pure functions of arrays; depends on nothing else of this project."""

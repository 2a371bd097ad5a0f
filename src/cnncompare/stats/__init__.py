"""Statistics as pure functions of arrays, without dependencies on other packages of the project."""

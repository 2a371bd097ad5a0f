"""Setting of libgomp, the OpenMP runtime that torch uses on Linux; imports no torch."""

# Iterations that an idle thread spins before it sleeps; libgomp reads it when torch is loaded.
GOMP_SPINCOUNT = "10000"

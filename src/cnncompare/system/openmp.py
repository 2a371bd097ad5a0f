"""Setting of libgomp, the OpenMP runtime that torch uses on Linux; imports no torch."""

import os

# Iterations that an idle thread spins before it sleeps; libgomp reads it when torch is loaded.
GOMP_SPINCOUNT = "10000"


def limit_spinning() -> None:
    """Let torch's threads sleep soon while they wait for a core that another program uses.

    With three other processes running on two cores, an epoch of ResNet-20 took 113 s with the
    default of libgomp, which spins for milliseconds, and 6.6 s with this value; the results are
    the same. A step of LeNet-5 took 8.5 ms on idle cores, as with more spinning. With half the
    value it took 9.2 ms (n = 8), and under contention 44 instead of 50 ms (n = 3).
    Torch reads the value when it is loaded, and jobs inherit it.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", GOMP_SPINCOUNT)

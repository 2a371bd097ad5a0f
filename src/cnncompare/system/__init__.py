"""Properties of the process and the machine: ranks, cores, GPUs, memory, CPU usage, signals."""

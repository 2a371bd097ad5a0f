"""Facts about the process and the machine: ranks, cores, GPUs, memory, signals."""

"""Latency and throughput of networks in inference."""

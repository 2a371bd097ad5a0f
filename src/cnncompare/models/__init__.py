"""The networks: a registry, the stems, and one file per family; knows no Lightning and no Hydra."""

"""Networks: registry, stems, sources; does not depend on Lightning or Hydra."""

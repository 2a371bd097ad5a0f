"""Networks from the registry, torchvision and timm; does not depend on Lightning or Hydra."""

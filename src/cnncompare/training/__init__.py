"""Training and testing of one run: data, network, Lightning module, callbacks and trainer."""

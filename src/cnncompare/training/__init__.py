"""One run: data, network, Lightning module, callbacks, trainer; training and testing."""

"""The public Python interface; ``import cnncompare`` loads each of its names on first use."""

"""Sentences in the chosen language, from one catalogue; imports no torch."""

"""Configuration: schema, validation, identity, files and composition; imports no torch."""

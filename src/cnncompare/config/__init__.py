"""The configuration: schema, validation, identity, files, composition; imports no torch."""

"""The HTTP API: maps requests to use cases and errors to problem+json. No logic."""

"""The verbs, one module for each kind of thing."""

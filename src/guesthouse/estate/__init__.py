"""The YAML that declares everything: load it, compare it with the state, apply the difference."""

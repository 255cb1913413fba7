"""Compose files of others: load strictly, judge by policy, emit our own canonical file."""

"""The loop that takes queued runs and executes them. No logic of a feature."""

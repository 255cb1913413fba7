"""The only place that wires adapters to features."""

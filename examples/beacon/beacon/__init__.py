"""Beacon: sensors, their readings, and plugins that make something of them."""

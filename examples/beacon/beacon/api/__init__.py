"""The REST API: sensors, readings, plugins and what plugins found."""

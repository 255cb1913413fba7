"""The page: sensors and what plugins found, live."""

"""The HTTP API: an entry point, so no logic beyond admitting callers and wording answers."""

from guesthouse.api.app import create_app

__all__ = ["create_app"]

"""The pages: server-rendered, over the services the API calls. No rule of the product is here."""

from guesthouse.web.app import install

__all__ = ["install"]

"""Seals secrets with a key that lies beside the database, never in it."""

from guesthouse.adapters.secrets.cipher import FileKeyCipher

__all__ = ["FileKeyCipher"]

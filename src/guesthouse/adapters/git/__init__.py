"""Git: resolves refs, fetches commits, packs files. Its callers see the values below alone."""

from guesthouse.adapters.git.model import (
    GitDamaged,
    GitFolderMissing,
    GitHostUnreachable,
    GitLimits,
    GitRefInvalid,
    GitRefMissing,
    GitRefused,
    GitSource,
    GitTooSlow,
    GitUrlRefused,
    SourceTooLarge,
    SourceUnsafe,
)
from guesthouse.adapters.git.sources import GitSources

__all__ = [
    "GitDamaged",
    "GitFolderMissing",
    "GitHostUnreachable",
    "GitLimits",
    "GitRefInvalid",
    "GitRefMissing",
    "GitRefused",
    "GitSource",
    "GitSources",
    "GitTooSlow",
    "GitUrlRefused",
    "SourceTooLarge",
    "SourceUnsafe",
]

"""Git: resolves refs, fetches commits, packs files. Its callers see the values below alone."""

from guesthouse.adapters.git.model import (
    EVERYWHERE,
    PUBLIC,
    GitDamaged,
    GitFolderMissing,
    GitHostUnreachable,
    GitLimits,
    GitPinningMissing,
    GitRefInvalid,
    GitRefMissing,
    GitRefused,
    GitSource,
    GitTooSlow,
    GitUrlRefused,
    Reach,
    SourceTooLarge,
    SourceUnsafe,
)
from guesthouse.adapters.git.sources import GitSources

__all__ = [
    "EVERYWHERE",
    "PUBLIC",
    "GitDamaged",
    "GitFolderMissing",
    "GitHostUnreachable",
    "GitLimits",
    "GitPinningMissing",
    "GitRefInvalid",
    "GitRefMissing",
    "GitRefused",
    "GitSource",
    "GitSources",
    "GitTooSlow",
    "GitUrlRefused",
    "Reach",
    "SourceTooLarge",
    "SourceUnsafe",
]

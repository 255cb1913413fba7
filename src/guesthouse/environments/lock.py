"""The lock of an environment: what runs, exactly, so that it can be made again. Pure."""

import hashlib
from typing import Any

from guesthouse.environments.model import Desired, Json, LockMismatch
from guesthouse.gateway.model import Site

VERSION = 1


def lock_of(
    desired: Desired,
    *,
    compose: str,
    playbooks: str,
    answer: Json,
    site: Site,
) -> dict[str, Any]:
    """Return the lock of a version that has just passed its tests.

    Args:
        desired: What was asked, with the commit.
        compose: The canonical file.
        playbooks: Digest of the Ansible collection.
        answer: What the module ``stack`` reported.
        site: What the gateway serves, and where.
    """
    return {
        "lock": VERSION,
        "environment": desired.name,
        "product": desired.product,
        "source": {
            "git": desired.source.git,
            "path": desired.source.path,
            "ref": desired.source.ref,
            "commit": desired.commit,
        },
        "variables": dict(desired.variables),
        "canonical_sha256": canonical_hash(compose),
        "images": dict(sorted(answer.get("digests", {}).items())),
        "playbooks": playbooks,
        "versions": dict(answer.get("versions", {})),
        "routes": {
            route.name: {"url": site.url(route), "access": route.access.value}
            for route in site.routes
        },
    }


def canonical_hash(compose: str) -> str:
    """Return the hash of the canonical file."""
    return hashlib.sha256(compose.encode()).hexdigest()


def check_before(lock: Json | None, *, compose: str, playbooks: str) -> None:
    """Make sure the same would be deployed as is locked.

    Args:
        lock: What to reproduce; None where nothing is asked.
        compose: The canonical file made now.
        playbooks: Digest of the Ansible collection now.

    Raises:
        LockMismatch: It would not.
    """
    if lock is None:
        return
    differences = []
    if lock.get("canonical_sha256") != canonical_hash(compose):
        differences.append("the canonical Compose file differs")
    if lock.get("playbooks") != playbooks:
        differences.append("the playbooks are of another revision")
    if differences:
        raise LockMismatch(tuple(differences))


def check_after(lock: Json | None, answer: Json) -> None:
    """Make sure the images that run are the locked ones.

    Raises:
        LockMismatch: One is another.
    """
    if lock is None:
        return
    got, wanted = answer.get("digests", {}), lock.get("images", {})
    other = sorted(name for name in {*got, *wanted} if got.get(name) != wanted.get(name))
    if other:
        raise LockMismatch(tuple(f"the image of {name} differs" for name in other))

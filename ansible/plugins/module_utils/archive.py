"""Decides how a second suite stands beside the host's own: sources and pins. Pure."""

from __future__ import annotations

from dataclasses import dataclass

EVERYTHING_PRIORITY = 100
"""Below the host's own suite (500): nothing moves to the new suite by itself."""
CHOSEN_PRIORITY = 990
TARGETS = (
    *("apt-get", "indextargets", "--no-release-info"),
    *("--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"),
)
"""Asks APT what it is configured to read; without lists and without the network."""


@dataclass(frozen=True)
class Target:
    """One line of what APT is configured to read."""

    uri: str
    release: str
    component: str


def targets(text: str) -> list[Target]:
    """Read what `TARGETS` printed."""
    rows = (line.split() for line in text.splitlines())
    return [Target(row[0].rstrip("/"), row[1], row[2]) for row in rows if len(row) == 3]  # noqa: PLR2004


def beside(configured: list[Target], *, codename: str, suite: str) -> list[tuple[str, str]]:
    """Return the archives to add for another suite: (address, suite), from the host's own.

    Args:
        configured: What APT reads now.
        codename: The host's own suite, `bookworm`.
        suite: The one to add, `trixie`.

    Returns:
        Nothing where the suite is configured already, or where the host's own is not.
    """
    if any(target.release == suite for target in configured):
        return []
    names = {f"{codename}{tail}": f"{suite}{tail}" for tail in ("", "-updates", "-security")}
    found = [(t.uri, names[t.release]) for t in configured if t.release in names]
    return sorted(set(found))


def sources(archives: list[tuple[str, str]], *, keyring: str) -> str:
    """Return a deb822 file for the archives."""
    stanzas = [
        f"Types: deb\nURIs: {uri}\nSuites: {suite}\nComponents: main\nSigned-By: {keyring}\n"
        for uri, suite in archives
    ]
    return "\n".join(stanzas)


def preferences(suite: str, packages: list[str]) -> str:
    """Return the pins: everything of the suite stays away, save the packages named."""
    return (
        f"Package: *\nPin: release n={suite}*\nPin-Priority: {EVERYTHING_PRIORITY}\n\n"
        f"Package: {' '.join(packages)}\nPin: release n={suite}*\n"
        f"Pin-Priority: {CHOSEN_PRIORITY}\n"
    )

"""The page that tells authors what becomes of each key of a Compose file, made from the table."""

from collections.abc import Iterator

from guesthouse.stacks.keys import SECTIONS, Rule, Verdict
from guesthouse.stacks.model import Policy
from guesthouse.stacks.policy import POLICIES

INTRODUCTION = """# What becomes of a Compose file

Guesthouse reads a product's Compose files with a reader of its own, decides on every key, and
writes one file of its own, which is what runs. `guesthouse check DIR` says the same on a laptop,
with the place and the cure. A key that is not in this list is refused.

- **allow**: kept as written.
- **allow within limits**: kept as far as the limits below; what goes beyond is brought back with a
  notice, what could hurt is refused with its reason.
- **rewrite**: harmless, but decided by the platform; a notice says what was made of it.
- **refuse**: could hurt; the finding says why and what to write instead.

A file is one YAML document of at most 256 KiB, 32 levels and 20,000 values, aliases counted,
without duplicate keys and without tags such as `!reset`. Anchors, merge keys, `x-` keys, `include`
and `extends` inside the repository, profiles and every form of `${NAME:-default}` work. Only
variables and secrets of the manifest are filled in: never the repository's `.env`, never the
environment of the platform.

Every service gets: all capabilities dropped but a few, `no-new-privileges`, an init, limits of
memory (without swap), processors, processes and open files, logs capped, networks and volumes of
its own, no published port. Health checks run at most every 5 s, but every 500 ms while a service
starts. An `init` of its own needs to be process 1: such an image says `init: false`.

Dockerfiles are read, too. Refused are images of other environments (`gh/…`) after `FROM`,
`--from=` and in mounts; `# syntax=` other than `docker/dockerfile`; `RUN --network=host`,
`--security=insecure`, `--device` and `--mount=type=ssh`; arguments named `BUILDKIT_…`; and what
can't be told from the text, such as quotes in a flag. Caches of `RUN --mount=type=cache` are the
environment's own.

| limit | {names} |
|---|{rules}|
"""
LIMITS = (
    ("memory where none is written", "memory_bytes"),
    ("memory at most", "memory_bytes_most"),
    ("processes where none is written", "pids"),
    ("processes at most", "pids_most"),
    ("`/dev/shm` at most", "shm_bytes_most"),
    ("`tmpfs` at most", "tmpfs_bytes_most"),
    ("containers of a service at most", "replicas_most"),
    ("capabilities every service has", "granted_capabilities"),
    ("capabilities it may ask for besides", "requestable_capabilities"),
    ("kernel settings (`sysctls`)", "sysctls"),
    ("`init: false` is followed", "may_skip_init"),
    ("`ADD` of a Dockerfile downloads", "may_download_in_builds"),
)
MIB = 2**20


def compose_page() -> str:
    """Return the page as Markdown."""
    names = " | ".join(policy.name for policy in POLICIES)
    rules = "|".join("---" for _ in POLICIES)
    head = INTRODUCTION.replace("{names}", names).replace("{rules}", rules)
    return head + "".join(f"{line}\n" for line in (*_limits(), *_sections()))


def _limits() -> Iterator[str]:
    for title, field in LIMITS:
        cells = " | ".join(_limit(policy, field) for policy in POLICIES)
        yield f"| {title} | {cells} |"


def _limit(policy: Policy, field: str) -> str:
    value = getattr(policy, field)
    if field == "requestable_capabilities":
        value = value - policy.granted_capabilities
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, frozenset):
        return ", ".join(f"`{item}`" for item in sorted(value)) or "none"
    return f"{value // MIB} MiB" if "bytes" in field else str(value)


def _sections() -> Iterator[str]:
    for place, section in SECTIONS.items():
        yield ""
        yield f"## `{place}`" if place else "## Top"
        yield ""
        yield "| key | what becomes of it | |"
        yield "|---|---|---|"
        for key, rule in sorted(section.items()):
            yield f"| `{key}` | {rule.verdict.value} | {_remark(rule)} |"


def _remark(rule: Rule) -> str:
    if rule.verdict is Verdict.REFUSE:
        return f"{rule.why}; {rule.instead}"
    return rule.instead

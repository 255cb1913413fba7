"""product, check, ca: products and trust.

What reads Compose files is imported where it is needed: it takes a while to load, which nobody
who lists runs should wait for.
"""
# ruff: noqa: PLC0415 - see above

import hashlib
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from guesthouse.cli.options import AsJson, session_of
from guesthouse.cli.show import table
from guesthouse.errors import Conflict, Failed, Problem
from guesthouse.gateway.trust import trust_instructions

if TYPE_CHECKING:
    from guesthouse.stacks.model import Finding, Notice

app = typer.Typer(help="Products: what the company sells.")
ca_app = typer.Typer(help="The platform's own certificate authority.")
CA_FILE = "guesthouse.pem"
Repository = Annotated[
    Path,
    typer.Argument(metavar="DIR", help="The product's repository.", exists=True, file_okay=False),
]
Folder = Annotated[
    str, typer.Option(metavar="PATH", help="Folder of the manifest inside the repository.")
]


class ManifestThere(Conflict):
    """A manifest is there already."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            f"{file} is there already", next_step=f"edit it, then: guesthouse check {file.parent}"
        )


class CheckFailed(Failed):
    """A deployment of these files would be refused."""

    def __init__(self, count: int) -> None:
        noun = "thing" if count == 1 else "things"
        super().__init__(
            f"{count} {noun} would be refused", next_step="write what is suggested, check again"
        )


@app.command("list")
def list_products(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List products and where they come from."""
    session = session_of(context)
    found = list(session.api.items("/products"))
    if as_json:
        session.terminal.document(found)
        return
    rows = (
        [item["name"], item["source"]["git"], item["source"]["ref"], item["source"]["path"]]
        for item in found
    )
    for line in table(("name", "git", "ref", "path"), rows):
        session.terminal.result(line)
    if not found:
        session.terminal.talk("there are no products yet; next: guesthouse product init DIR")


@app.command("init")
def init(
    context: typer.Context,
    directory: Repository = Path(),
    *,
    path: Folder = "",
    name: Annotated[str, typer.Option(help="Name of the product.")] = "",
    as_json: AsJson = False,
) -> None:
    """Write a first manifest from the Compose files of a repository; guesses are marked."""
    from guesthouse.stacks.init import first_manifest
    from guesthouse.stacks.model import MANIFEST_NAME
    from guesthouse.stacks.sources import FolderTree

    terminal = session_of(context).terminal
    file = directory / path / MANIFEST_NAME
    if file.exists():
        raise ManifestThere(file)
    text = first_manifest(FolderTree(directory), folder=path, product=name)
    file.write_text(text, encoding="utf-8")
    if as_json:
        terminal.document({"file": str(file), "manifest": text})
    else:
        terminal.result(str(file))
        terminal.talk(f"read it, correct what is marked, then: guesthouse check {directory}")


def check(
    context: typer.Context,
    directory: Repository = Path(),
    *,
    path: Folder = "",
    as_json: AsJson = False,
) -> None:
    """Tell what a deployment of a product would refuse and rewrite; needs no server."""
    from guesthouse.stacks.check import check as check_tree
    from guesthouse.stacks.sources import FolderTree

    terminal = session_of(context).terminal
    report = check_tree(FolderTree(directory), folder=path)
    if as_json:
        terminal.document(
            {
                "passes": report.passes,
                "findings": [vars(finding) for finding in report.findings],
                "notices": [vars(notice) for notice in report.notices],
                "problems": [vars(problem) for problem in report.problems],
            }
        )
    else:
        told = (*map(_notice, report.notices), *map(_problem, report.problems))
        for text in (*told, *map(_finding, report.findings)):
            terminal.result(text)
    if not report.passes:
        raise CheckFailed(len(report.findings) + len(report.problems))
    terminal.talk("nothing would be refused", "green")


@ca_app.command("show")
def show_ca(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Print the certificate of the platform's CA, and how to trust it."""
    session = session_of(context)
    text = session.api.text("/ca")
    fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).digest().hex(":").upper()
    if as_json:
        session.terminal.document({"certificate": text, "fingerprint": fingerprint})
        return
    session.terminal.result(text.rstrip("\n"))
    settings = session.settings
    url = f"https://console.{settings.domain}:{settings.gateway_port}/api/v1/health"
    session.terminal.talk(f"\nTo keep it: guesthouse ca show > {CA_FILE}")
    for line in trust_instructions(CA_FILE, fingerprint=fingerprint, url=url).splitlines():
        session.terminal.talk(line)


def _problem(problem: Problem) -> str:
    return f"unusable   {problem}"


def _finding(finding: "Finding") -> str:
    place = f"{finding.file}: {finding.path}" if finding.file else finding.path
    return (
        f"refused    {place}: {finding.written} [{finding.code}]\n"
        f"           {finding.why}\n"
        f"           instead: {finding.instead}"
    )


def _notice(notice: "Notice") -> str:
    place = f"{notice.file}: {notice.path}" if notice.file else notice.path
    return f"rewritten  {place}: {notice.written} [{notice.code}]\n           {notice.instead}"

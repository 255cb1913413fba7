"""Fetches a commit's files with git, trusting nothing that comes from the repository."""

import asyncio
import contextlib
import datetime as dt
import re
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import TypeVar

from guesthouse.adapters.git import bundle as packing
from guesthouse.adapters.git import trace
from guesthouse.adapters.git.command import Sandbox
from guesthouse.adapters.git.listing import Listing, unquoted
from guesthouse.adapters.git.model import (
    COMMIT,
    MEBIBYTE,
    Address,
    GitDamaged,
    GitFolderMissing,
    GitHostUnreachable,
    GitLimits,
    GitMissing,
    GitRefInvalid,
    GitRefMissing,
    GitRefused,
    GitSource,
    GitStuck,
    GitTooSlow,
    SourceTooLarge,
    check_ref,
    full_names,
    parse,
)
from guesthouse.adapters.git.reach import Lookup, look_up, pinned
from guesthouse.errors import GuesthouseError
from guesthouse.kit import process

T = TypeVar("T")
OnLine = Callable[[str], None]
Lines = deque[str]
NOTHING_FOUND = 2
"""What `git ls-remote --exit-code` ends with when the repository has no such ref."""
LISTED = re.compile(r"([0-9a-f]{40})\t(\S+)")
PROBE = dt.timedelta(seconds=5)
WATCH = dt.timedelta(milliseconds=100)
LOCAL = dt.timedelta(minutes=2)
KEPT_LINES = 20


class GitSources:
    """Repositories reached over https, ssh or on this machine.

    Implements the port SourceFetcher: `resolve`, `fetch` and `bundle`, below. Each fetch starts
    from nothing and is judged whole, so a repository that was harmless yesterday gets no credit.
    """

    def __init__(
        self,
        limits: GitLimits | None = None,
        *,
        ca_file: Path | None = None,
        lookup: Lookup = look_up,
    ) -> None:
        """Say what repositories may cost.

        Args:
            limits: Of size and time; None is what is usual.
            ca_file: Certificates to trust instead of the system's; None is the system's.
            lookup: Says what host names stand for.
        """
        self._limits = limits or GitLimits()
        self._ca_file = ca_file
        self._lookup = lookup

    async def resolve(self, source: GitSource, ref: str) -> str:
        """Return the commit a ref stands for now.

        Args:
            source: The repository.
            ref: A branch, a tag, a full ref name, or a full commit, which is returned as it is;
                whether the repository has that one shows when it is fetched.

        Raises:
            GitUrlRefused: The address is not one git may be given.
            GitRefInvalid: No ref can be called that.
            GitRefMissing: The repository has none.
            GitHostUnreachable: The host does not answer.
            GitRefused: The host answers, but gives no repository there.
            GitTooSlow: It took too long.
        """
        address = parse(source)
        if COMMIT.fullmatch(ref):
            return ref
        check_ref(ref)
        address = await pinned(source, address, self._lookup)
        names = full_names(ref)
        with tempfile.TemporaryDirectory(prefix="guesthouse-git-") as home:
            sandbox = Sandbox(Path(home), self._ca_file)
            code, lines = await self._ls_remote(sandbox, source, address, *names)
        if code == NOTHING_FOUND:
            raise GitRefMissing(source.url, ref)
        if code != 0:
            raise await _unreadable(source, address, lines)
        listed = _listed(lines)
        commit = next((listed[name] for name in names if name in listed), None)
        if commit is None:
            raise GitRefMissing(source.url, ref)
        return commit

    async def fetch(
        self, source: GitSource, commit: str, destination: Path, *, on_line: OnLine
    ) -> None:
        """Write a commit's files to a directory: plain files alone, no links, no submodules.

        Args:
            source: The repository.
            commit: All 40 digits.
            destination: A directory that is empty or not there; on any error it stays so.
            on_line: Told what is left out.

        Raises:
            GitUrlRefused: The address is not one git may be given.
            GitRefInvalid: It is no full commit.
            GitRefMissing: The repository has no such commit, or does not give it.
            GitDamaged: What arrived breaks git's own checks.
            GitHostUnreachable: The host does not answer.
            GitRefused: The host answers, but gives no repository there.
            GitTooSlow: It took too long.
            SourceTooLarge: It is bigger than the limits.
            SourceUnsafe: A name in it could reach out of its folder.
        """
        address = parse(source)
        if not COMMIT.fullmatch(commit):
            raise GitRefInvalid(commit)
        destination.parent.mkdir(parents=True, exist_ok=True)
        address = await pinned(source, address, self._lookup)
        # Beside the destination, so that the last step is a rename.
        home = Path(tempfile.mkdtemp(prefix=".fetch-", dir=destination.parent))
        sandbox = Sandbox(home, self._ca_file)
        try:
            await self._receive(sandbox, source, address, commit)
            listing = await self._list(sandbox, source, address, commit)
            for entry in listing.left_out:
                on_line(f"left out {unquoted(entry.path)}: links and submodules are not followed")
            files = await self._write(sandbox, address, listing)
            await asyncio.to_thread(_take_place, files, destination)
        finally:
            await asyncio.to_thread(shutil.rmtree, home)

    def bundle(
        self, directory: Path, tar_path: Path, *, paths: Iterable[str] | None = None
    ) -> None:
        """Pack files into a tar that is the same whenever the content is; see `bundle`."""
        packing.bundle(directory, tar_path, paths=paths)

    async def _receive(
        self, sandbox: Sandbox, source: GitSource, address: Address, commit: str
    ) -> None:
        """Fetch one commit, without history, into the sandbox's repository."""
        init = sandbox.git("init", "--quiet", "--bare", "--template=", str(sandbox.repository))
        await self._local(sandbox, address, init)
        argv = sandbox.remote(
            source,
            address,
            f"--git-dir={sandbox.repository}",
            "fetch",
            "--quiet",
            "--depth=1",
            "--no-tags",
            "--no-recurse-submodules",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--",
            source.url,
            commit,
        )
        code, lines = await self._bounded(
            self._stream(argv, sandbox, source, address, limit=self._limits.fetch),
            sandbox,
            source,
        )
        if code != 0:
            raise await self._fetch_failure(sandbox, source, address, commit, lines)

    async def _fetch_failure(
        self, sandbox: Sandbox, source: GitSource, address: Address, commit: str, lines: Lines
    ) -> GuesthouseError:
        """Tell from facts, not from git's words, why nothing was fetched."""
        if trace.was_pack_refused(await asyncio.to_thread(_text, sandbox.trace)):
            return GitDamaged(source.url, commit, _detail(lines))
        code, listed = await self._ls_remote(sandbox, source, address, "HEAD")
        if code in {0, NOTHING_FOUND}:
            return GitRefMissing(source.url, commit)
        return await _unreadable(source, address, listed)

    async def _list(
        self, sandbox: Sandbox, source: GitSource, address: Address, commit: str
    ) -> Listing:
        listing = Listing(source.url, self._limits)
        argv = sandbox.git(
            f"--git-dir={sandbox.repository}", "ls-tree", "-r", "--long", "--full-tree", commit
        )
        await self._local(sandbox, address, argv, on_line=listing.add)
        return listing

    async def _write(self, sandbox: Sandbox, address: Address, listing: Listing) -> Path:
        """Write the listed files to a fresh directory of the sandbox; return it."""
        files = sandbox.home / "files"
        files.mkdir(mode=0o755)
        places = (f"--git-dir={sandbox.repository}", f"--work-tree={files}")
        index = sandbox.git(*places, "update-index", "--index-info")
        await self._local(sandbox, address, index, stdin=listing.index_lines())
        checkout = sandbox.git(*places, "checkout-index", "--all", "--force", "--quiet")
        await self._local(sandbox, address, checkout)
        return files

    async def _ls_remote(
        self, sandbox: Sandbox, source: GitSource, address: Address, *names: str
    ) -> tuple[int, Lines]:
        argv = sandbox.remote(
            source, address, "ls-remote", "--exit-code", "--quiet", "--", source.url, *names
        )
        limit = self._limits.resolve
        return await self._bounded(
            self._stream(argv, sandbox, source, address, limit=limit), sandbox, source
        )

    async def _stream(
        self,
        argv: list[str],
        sandbox: Sandbox,
        source: GitSource,
        address: Address,
        *,
        limit: dt.timedelta,
    ) -> tuple[int, Lines]:
        """Run a git that talks to the source; return its exit code and last lines."""
        lines: Lines = deque(maxlen=KEPT_LINES)
        environment = await asyncio.to_thread(sandbox.environment, address)
        try:
            code = await process.stream(
                argv, on_line=lines.append, limit=limit, cwd=sandbox.home, env=environment
            )
        except process.ProcessTimeout as exc:
            raise GitTooSlow(source.url, limit) from exc
        except process.ProgramMissing as exc:
            raise GitMissing from exc
        return code, lines

    async def _local(
        self,
        sandbox: Sandbox,
        address: Address,
        argv: list[str],
        *,
        on_line: OnLine | None = None,
        stdin: bytes = b"",
    ) -> None:
        """Run a git that works inside the sandbox alone."""
        lines: Lines = deque(maxlen=KEPT_LINES)
        try:
            code = await process.stream(
                argv,
                on_line=on_line or lines.append,
                limit=LOCAL,
                cwd=sandbox.home,
                env=await asyncio.to_thread(sandbox.environment, address),
                stdin=stdin,
            )
        except process.ProcessTimeout as exc:
            raise GitStuck(argv, "it took too long") from exc
        except process.ProgramMissing as exc:
            raise GitMissing from exc
        if code != 0:
            raise GitStuck(argv, _detail(lines))

    async def _bounded(
        self, work: Coroutine[None, None, T], sandbox: Sandbox, source: GitSource
    ) -> T:
        """Do the work, but end it as soon as the sandbox holds more than may be transferred."""
        limit = self._limits.transfer_bytes
        task = asyncio.create_task(work)
        watcher = asyncio.create_task(_until_larger(sandbox.home, limit))
        try:
            await asyncio.wait({task, watcher}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise SourceTooLarge(source.url, f"{limit // MEBIBYTE} MiB in transfer")
            return task.result()
        finally:
            for one in (task, watcher):
                one.cancel()
            await asyncio.gather(task, watcher, return_exceptions=True)


async def _until_larger(place: Path, limit: int) -> None:
    while await asyncio.to_thread(_size, place) <= limit:  # noqa: ASYNC110 - files ring no bell
        await asyncio.sleep(WATCH.total_seconds())


def _size(place: Path) -> int:
    """Return the bytes of the files below a directory, while git moves them about."""
    total = 0
    for path in place.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            total += path.lstat().st_size
    return total


async def _unreadable(source: GitSource, address: Address, lines: Lines) -> GuesthouseError:
    """Say which it is: nobody there, or somebody who does not give it."""
    if address.protocol == "file":
        is_there = await asyncio.to_thread(Path(address.path).exists)
        return GitRefused(source.url, _detail(lines)) if is_there else GitFolderMissing(source.url)
    try:
        async with asyncio.timeout(PROBE.total_seconds()):
            host = address.addresses[0] if address.addresses else address.host
            _, writer = await asyncio.open_connection(host, address.port)
    except (OSError, TimeoutError):
        return GitHostUnreachable(source.url, _detail(lines))
    writer.close()
    return GitRefused(source.url, _detail(lines))


def _take_place(files: Path, destination: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        destination.rmdir()
    files.rename(destination)


def _listed(lines: Iterable[str]) -> dict[str, str]:
    """Return the commits `git ls-remote` printed, by ref."""
    found = (LISTED.fullmatch(line) for line in lines)
    return {match[2]: match[1] for match in found if match}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _detail(lines: Iterable[str]) -> str:
    """Return git's last words, fit for a page."""
    return "\n".join(
        "".join(letter if letter.isprintable() else " " for letter in line) for line in lines
    )

import asyncio
import datetime as dt
import ipaddress
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from guesthouse.adapters.git import (
    EVERYWHERE,
    GitDamaged,
    GitFolderMissing,
    GitHostUnreachable,
    GitLimits,
    GitRefInvalid,
    GitRefMissing,
    GitRefused,
    GitSource,
    GitSources,
    GitTooSlow,
    GitUrlRefused,
    Reach,
    SourceTooLarge,
    SourceUnsafe,
)
from guesthouse.errors import GuesthouseError
from tests.integration.git.conftest import Host, Repository

FILE = frozenset({"file"})
MISSING = "a" * 40
NOISE = random.Random(1).randbytes(8 * 2**20)  # noqa: S311 - bytes that do not compress


def _local(repository: Repository) -> GitSource:
    return GitSource(repository.url, FILE, EVERYWHERE)


def _remote(host: Host, repository: Repository) -> GitSource:
    return GitSource(host.url(repository), reach=EVERYWHERE)


def _contents(place: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(place)): path.read_bytes()
        for path in sorted(place.rglob("*"))
        if not path.is_dir()
    }


class Fetching:
    """A place to fetch to, and what was said meanwhile."""

    def __init__(self, place: Path) -> None:
        self.place = place / "work" / "sources"
        self.said: list[str] = []

    async def __call__(self, sources: GitSources, source: GitSource, commit: str) -> Path:
        await sources.fetch(source, commit, self.place, on_line=self.said.append)
        return self.place

    async def refused(
        self, sources: GitSources, source: GitSource, commit: str
    ) -> GuesthouseError:
        """Fetch in vain; nothing may be left behind."""
        with pytest.raises(GuesthouseError) as refused:
            await self(sources, source, commit)
        assert refused.value.next_step
        assert list(self.place.parent.iterdir()) == []
        return refused.value


@pytest.fixture
def fetching(tmp_path: Path) -> Fetching:
    return Fetching(tmp_path)


@pytest.fixture
def sources(tmp_path: Path) -> GitSources:
    return GitSources(ca_file=tmp_path / "ca.pem")


async def test_branches_tags_and_commits_resolve(
    sources: GitSources, repository: Repository
) -> None:
    first = repository.files({"a": b"1"})
    repository.git("tag", "-a", "-m", "one", "v1", first)
    second = repository.files({"a": b"2"})
    source = _local(repository)
    assert await sources.resolve(source, "main") == second
    assert await sources.resolve(source, "HEAD") == second
    assert await sources.resolve(source, "v1") == first
    assert await sources.resolve(source, "refs/tags/v1") == first
    assert await sources.resolve(source, MISSING) == MISSING


async def test_a_ref_is_its_whole_name(sources: GitSources, repository: Repository) -> None:
    repository.files({"a": b"1"}, branch="mine/refs/heads/main")
    with pytest.raises(GitRefMissing):
        await sources.resolve(_local(repository), "main")


async def test_a_commit_is_fetched_over_https(
    sources: GitSources, host: Host, repository: Repository, fetching: Fetching
) -> None:
    first = repository.files({"a": b"one\n", "b": b""})
    repository.files({"a": b"two\n"})
    source = _remote(host, repository)
    assert await sources.resolve(source, "main") != first
    place = await fetching(sources, source, first)
    assert _contents(place) == {"a": b"one\n", "b": b""}
    assert [path.name for path in place.parent.iterdir()] == [place.name]


async def test_files_keep_folders_and_executability(
    sources: GitSources, repository: Repository, fetching: Fetching
) -> None:
    inner = repository.tree({"run": ("100755", repository.blob(b"x"))})
    commit = repository.commit(repository.tree({"bin": ("040000", inner)}))
    place = await fetching(sources, _local(repository), commit)
    assert (place / "bin/run").stat().st_mode & 0o111
    assert not (place / ".git").exists()


async def test_links_and_submodules_are_left_out_and_said(
    sources: GitSources, host: Host, other_host: Host, repository: Repository, fetching: Fetching
) -> None:
    modules = f'[submodule "m"]\n\tpath = m\n\turl = {other_host.url(repository)}\n'
    commit = repository.commit(
        repository.tree(
            {
                ".gitmodules": ("100644", repository.blob(modules.encode())),
                "link": ("120000", repository.blob(b"/etc/hostname")),
                "m": ("160000", MISSING),
                "plain": ("100644", repository.blob(b"x")),
            },
            missing=True,
        )
    )
    place = await fetching(sources, _remote(host, repository), commit)
    assert sorted(_contents(place)) == [".gitmodules", "plain"]
    assert [line.split(":")[0] for line in fetching.said] == ["left out link", "left out m"]
    assert other_host.hits == []


async def test_a_folder_swapped_for_a_link_later_is_left_out_as_well(
    sources: GitSources, repository: Repository, fetching: Fetching, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    inner = repository.tree({"compose.yaml": ("100644", repository.blob(b"a: 1\n"))})
    honest = repository.commit(repository.tree({"deploy": ("040000", inner)}))
    link = repository.blob(str(outside).encode())
    swapped = repository.commit(repository.tree({"deploy": ("120000", link)}))
    await fetching(sources, _local(repository), honest)
    second = Fetching(tmp_path / "second")
    place = await second(sources, _local(repository), swapped)
    assert _contents(place) == {}
    assert not (place / "deploy").is_symlink()
    assert list(outside.iterdir()) == []


async def test_earlier_files_are_never_written_over(
    sources: GitSources, repository: Repository, fetching: Fetching
) -> None:
    commit = repository.files({"a": b"1"})
    place = await fetching(sources, _local(repository), commit)
    with pytest.raises(OSError, match="not empty"):
        await fetching(sources, _local(repository), commit)
    assert _contents(place) == {"a": b"1"}


@pytest.mark.parametrize(
    "url", ["--upload-pack=touch {}", "ext::sh -c touch% {}", "ext::touch {}", "-utouch {}"]
)
async def test_an_address_runs_no_program(
    sources: GitSources, fetching: Fetching, tmp_path: Path, url: str
) -> None:
    canary = tmp_path / "canary"
    everything = frozenset({"https", "ssh", "file", "ext"})
    source = GitSource(url.format(canary), everything, EVERYWHERE)
    with pytest.raises(GitUrlRefused):
        await sources.resolve(source, "main")
    with pytest.raises(GitUrlRefused):
        await fetching(sources, source, MISSING)
    assert not canary.exists()


async def test_an_option_is_no_ref(sources: GitSources, repository: Repository) -> None:
    with pytest.raises(GitRefInvalid):
        await sources.resolve(_local(repository), "--upload-pack=touch x")


async def test_hooks_and_filters_of_a_repository_do_not_run(
    sources: GitSources, repository: Repository, fetching: Fetching, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    commit = repository.files({".gitattributes": b"* filter=evil\n", "a": b"x"})
    hook = repository.path / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {canary}\n")
    hook.chmod(0o755)
    repository.git("config", "filter.evil.smudge", f"touch {canary}; cat")
    place = await fetching(sources, _local(repository), commit)
    assert _contents(place)["a"] == b"x"
    assert not canary.exists()


async def test_settings_of_the_user_do_not_count(
    sources: GitSources,
    host: Host,
    other_host: Host,
    repository: Repository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commit = repository.files({"a": b"1"})
    there = f"https://127.0.0.1:{other_host.port}/"
    setting = f'[url "{there}"]\n\tinsteadOf = https://127.0.0.1:{host.port}/\n'
    (tmp_path / ".gitconfig").write_text(setting)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert await sources.resolve(_remote(host, repository), "main") == commit
    assert other_host.hits == []


async def test_redirects_are_not_followed(
    sources: GitSources,
    host: Host,
    other_host: Host,
    repository: Repository,
    fetching: Fetching,
) -> None:
    commit = repository.files({"a": b"1"})
    host.redirects["moved"] = f"https://127.0.0.1:{other_host.port}"
    url = f"https://127.0.0.1:{host.port}/moved/repository.git"
    source = GitSource(url, reach=EVERYWHERE)
    with pytest.raises(GitRefused):
        await sources.resolve(source, "main")
    assert isinstance(await fetching.refused(sources, source, commit), GitRefused)
    assert other_host.hits == []


class Names:
    """A name server that answers otherwise each time, as an attacker's does."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.answers, self.asked = list(answers), 0

    async def __call__(self, _host: str, _port: int) -> tuple[str, ...]:
        self.asked += 1
        return self.answers.pop(0)


async def test_git_connects_to_what_was_judged_and_asks_no_second_time(
    host: Host, repository: Repository, fetching: Fetching
) -> None:
    commit = repository.files({"a": b"1"})
    loopback = Reach(besides=(ipaddress.ip_network("127.0.0.0/8"),))
    # Nobody but our own look-up knows this name.
    source = GitSource(host.url(repository, "git.example.invalid"), reach=loopback)
    names = Names(("127.0.0.1",), ("127.0.0.1",))
    sources = GitSources(ca_file=host.ca_file, lookup=names)
    assert await sources.resolve(source, "main") == commit
    assert _contents(await fetching(sources, source, commit)) == {"a": b"1"}
    assert names.asked == 2
    assert host.hits


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param(("127.0.0.1",), id="loopback"),
        pytest.param(("1.1.1.1", "127.0.0.1"), id="one-of-several"),
        pytest.param(("::ffff:127.0.0.1",), id="mapped"),
        pytest.param((), id="none"),
    ],
)
async def test_a_partners_host_in_a_private_network_is_never_connected_to(
    host: Host, repository: Repository, fetching: Fetching, answers: tuple[str, ...]
) -> None:
    commit = repository.files({"a": b"1"})
    source = GitSource(host.url(repository, "git.example.invalid"))
    sources = GitSources(ca_file=host.ca_file, lookup=Names(answers, answers))
    with pytest.raises(GitUrlRefused, match="public Internet"):
        await sources.resolve(source, "main")
    assert isinstance(await fetching.refused(sources, source, commit), GitUrlRefused)
    assert host.hits == []


async def test_each_way_to_fail_has_its_own_error(
    sources: GitSources, host: Host, repository: Repository, fetching: Fetching, closed_port: int
) -> None:
    repository.files({"a": b"1"})
    nothing = GitSource(f"https://127.0.0.1:{host.port}/nothing.git", reach=EVERYWHERE)
    silent = GitSource(f"https://127.0.0.1:{closed_port}/a.git", reach=EVERYWHERE)
    nowhere = GitSource(f"file://{repository.path}-nothing", FILE, EVERYWHERE)
    for source, expected in (
        (nothing, GitRefused),
        (silent, GitHostUnreachable),
        (nowhere, GitFolderMissing),
        (_remote(host, repository), GitRefMissing),
        (_local(repository), GitRefMissing),
    ):
        assert type(await fetching.refused(sources, source, MISSING)) is expected
        with pytest.raises(expected):
            await sources.resolve(source, "no-such-branch")


async def test_an_untrusted_certificate_is_refused(host: Host, repository: Repository) -> None:
    repository.files({"a": b"1"})
    with pytest.raises(GitRefused) as refused:
        await GitSources().resolve(_remote(host, repository), "main")
    assert "certificate" in refused.value.detail


async def test_damaged_objects_are_thrown_away(
    sources: GitSources, repository: Repository, fetching: Fetching
) -> None:
    # A tree that holds a folder called "..": git hash-object writes it only when told not to look.
    inner = repository.tree({"a": ("100644", repository.blob(b"x"))})
    raw = b"40000 ..\0" + bytes.fromhex(inner)
    tree = repository.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=raw)
    commit = repository.commit(tree)
    failure = await fetching.refused(sources, _local(repository), commit)
    assert isinstance(failure, GitDamaged)


async def test_a_name_that_misleads_is_refused(
    sources: GitSources, repository: Repository, fetching: Fetching
) -> None:
    commit = repository.files({'"a\\033[2Jb"': b"x"})
    assert isinstance(await fetching.refused(sources, _local(repository), commit), SourceUnsafe)


async def test_a_repository_that_is_too_large_stops_while_it_arrives(
    host: Host, repository: Repository, fetching: Fetching, tmp_path: Path
) -> None:
    commit = repository.files({"noise": NOISE})
    small = GitSources(GitLimits(transfer_bytes=2**20), ca_file=tmp_path / "ca.pem")
    failure = await fetching.refused(small, _remote(host, repository), commit)
    assert isinstance(failure, SourceTooLarge)


async def test_a_file_that_unpacks_to_too_much_is_never_written(
    repository: Repository, fetching: Fetching
) -> None:
    commit = repository.files({"zeros": bytes(32 * 2**20)})
    small = GitSources(GitLimits(transfer_bytes=2**20, tree_bytes=2**20))
    failure = await fetching.refused(small, _local(repository), commit)
    assert isinstance(failure, SourceTooLarge)


async def test_a_tree_that_holds_itself_many_times_is_refused(
    repository: Repository, fetching: Fetching
) -> None:
    tree = repository.tree({"f": ("100644", repository.blob(b"x"))})
    for _ in range(8):
        tree = repository.tree({f"d{number}": ("040000", tree) for number in range(10)})
    commit = repository.commit(tree)
    failure = await fetching.refused(GitSources(), _local(repository), commit)
    assert isinstance(failure, SourceTooLarge)


async def test_a_host_that_says_nothing_is_given_up(silent_port: int) -> None:
    limits = GitLimits(resolve=dt.timedelta(milliseconds=300))
    sources = GitSources(limits)
    source = GitSource(f"https://127.0.0.1:{silent_port}/a", reach=EVERYWHERE)
    with pytest.raises(GitTooSlow):
        await sources.resolve(source, "main")


async def test_cancelling_ends_git_and_leaves_nothing(fetching: Fetching) -> None:
    reached, done = asyncio.Event(), asyncio.Event()

    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await done.wait()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        source = GitSource(f"https://127.0.0.1:{port}/a", reach=EVERYWHERE)
        task = asyncio.create_task(fetching(GitSources(), source, MISSING))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        done.set()
    assert list(fetching.place.parent.iterdir()) == []


async def test_ssh_is_used_with_our_key_and_pinned_hosts_alone(
    repository: Repository,
    fetching: Fetching,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commit = repository.files({"a": b"1"})
    programs, record = tmp_path / "programs", tmp_path / "record"
    programs.mkdir()
    # Stands for ssh and the host behind it: notes its arguments and runs what it was asked to.
    (programs / "ssh").write_text(
        f'#!/bin/sh\nprintf \'%s\\n\' "$@" >{record}\nfor last; do :; done\nexec sh -c "$last"\n'
    )
    (programs / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    key, hosts = tmp_path / "my key", tmp_path / "known_hosts"
    source = GitSource(
        f"ssh://git@git.example.com{repository.path}", frozenset({"ssh"}), EVERYWHERE, key, hosts
    )
    assert await GitSources().resolve(source, "main") == commit
    assert _contents(await fetching(GitSources(), source, commit)) == {"a": b"1"}
    words = record.read_text().splitlines()
    assert words[:4] == ["-F", "/dev/null", "-i", str(key)]
    assert f"UserKnownHostsFile={hosts}" in words
    assert {"StrictHostKeyChecking=yes", "BatchMode=yes", "IdentitiesOnly=yes"} <= set(words)
    assert "git@git.example.com" in words


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts and then says nothing."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield int(listening.getsockname()[1])

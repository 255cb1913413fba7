import pytest

from guesthouse.adapters.git import GitLimits, SourceTooLarge, SourceUnsafe
from guesthouse.adapters.git.listing import Listing, unquoted

SHA = "a" * 40


def _line(path: str, *, mode: str = "100644", size: str = "3") -> str:
    kind = {"160000": "commit"}.get(mode, "blob")
    return f"{mode} {kind} {SHA} {size:>7}\t{path}"


def _listing(limits: GitLimits | None = None) -> Listing:
    return Listing("https://git.example.com/a", limits or GitLimits())


def test_only_plain_files_are_kept() -> None:
    listing = _listing()
    for line in (
        _line("run", mode="100755"),
        _line("a/b"),
        _line("link", mode="120000"),
        _line("other", mode="160000", size="-"),
    ):
        listing.add(line)
    assert [file.path for file in listing.files] == ["run", "a/b"]
    assert [entry.path for entry in listing.left_out] == ["link", "other"]
    assert listing.index_lines() == f"100755 {SHA}\trun\n100644 {SHA}\ta/b\n".encode()


@pytest.mark.parametrize(
    "path",
    [
        "../a",
        "a/../b",
        "/a",
        "a//b",
        ".git/config",
        "a/.GIT/config",
        "a/git~1/x",
        "./a",
        '"a\\nb"',
        '"a\\033[2J"',
        '"a\\377"',
        '"a\\\\b"',
        '"\\342\\200\\256a"',
    ],
)
def test_a_path_that_could_reach_out_or_mislead_is_refused(path: str) -> None:
    with pytest.raises(SourceUnsafe):
        _listing().add(_line(path))


def test_a_line_that_is_no_listing_is_refused() -> None:
    with pytest.raises(SourceUnsafe):
        _listing().add("hello")


def test_names_in_other_scripts_pass() -> None:
    listing = _listing()
    listing.add(_line('"gr\\303\\274n \\"x\\".txt"'))
    assert unquoted(listing.files[0].path) == 'grün "x".txt'


def test_too_many_files_end_the_reading() -> None:
    listing = _listing(GitLimits(files=2))
    listing.add(_line("a"))
    listing.add(_line("b", mode="120000"))
    with pytest.raises(SourceTooLarge, match="2 files"):
        listing.add(_line("c"))


def test_the_same_content_counts_each_time_it_is_written() -> None:
    listing = _listing(GitLimits(tree_bytes=2**20))
    listing.add(_line("a", size=str(2**20)))
    with pytest.raises(SourceTooLarge, match="1 MiB"):
        listing.add(_line("b", size="1"))

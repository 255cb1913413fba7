from pathlib import Path

import pytest

from guesthouse.adapters.secrets.cipher import FileKeyCipher, KeyExposed, KeyMismatch
from guesthouse.kit.sensitive import Sensitive

SECRET = Sensitive("correct horse")


def test_a_sealed_secret_opens_again(tmp_path: Path) -> None:
    sealed = FileKeyCipher(tmp_path / "key").seal(SECRET, "acme/password")
    assert SECRET.reveal().encode() not in sealed
    assert FileKeyCipher(tmp_path / "key").open(sealed, "acme/password") == SECRET


def test_a_secret_does_not_open_for_another_environment(tmp_path: Path) -> None:
    cipher = FileKeyCipher(tmp_path / "key")
    with pytest.raises(KeyMismatch):
        cipher.open(cipher.seal(SECRET, "acme/password"), "other/password")


def test_another_key_opens_nothing(tmp_path: Path) -> None:
    sealed = FileKeyCipher(tmp_path / "one").seal(SECRET, "x")
    FileKeyCipher(tmp_path / "two").seal(SECRET, "x")
    with pytest.raises(KeyMismatch):
        FileKeyCipher(tmp_path / "two").open(sealed, "x")


def test_a_lost_key_is_not_replaced_where_something_is_to_be_opened(tmp_path: Path) -> None:
    sealed = FileKeyCipher(tmp_path / "one").seal(SECRET, "x")
    with pytest.raises(KeyMismatch):
        FileKeyCipher(tmp_path / "two").open(sealed, "x")
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


@pytest.mark.parametrize("length", [0, 7, 12, 27])
def test_what_is_cut_off_does_not_open(tmp_path: Path, length: int) -> None:
    cipher = FileKeyCipher(tmp_path / "key")
    with pytest.raises(KeyMismatch):
        cipher.open(cipher.seal(SECRET, "x")[:length], "x")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_others_can_reach_is_not_used(tmp_path: Path, mode: int) -> None:
    cipher = FileKeyCipher(tmp_path / "key")
    sealed = cipher.seal(SECRET, "x")
    (tmp_path / "key").chmod(mode)
    with pytest.raises(KeyExposed):
        cipher.open(sealed, "x")
    with pytest.raises(KeyExposed):
        cipher.seal(SECRET, "x")


def test_a_link_is_no_key(tmp_path: Path) -> None:
    FileKeyCipher(tmp_path / "theirs").seal(SECRET, "x")
    (tmp_path / "key").symlink_to(tmp_path / "theirs")
    with pytest.raises(KeyExposed):
        FileKeyCipher(tmp_path / "key").seal(SECRET, "x")


def test_only_we_can_read_the_key(tmp_path: Path) -> None:
    FileKeyCipher(tmp_path / "key").seal(SECRET, "x")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]

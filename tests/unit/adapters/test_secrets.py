from pathlib import Path

import pytest

from guesthouse.adapters.secrets.cipher import FileKeyCipher, KeyMismatch
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
    with pytest.raises(KeyMismatch):
        FileKeyCipher(tmp_path / "two").open(sealed, "x")


def test_only_we_can_read_the_key(tmp_path: Path) -> None:
    FileKeyCipher(tmp_path / "key").seal(SECRET, "x")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]

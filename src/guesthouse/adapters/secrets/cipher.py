"""AES-GCM with a key in a file only we can read.

Without its file nothing sealed can be opened again: back it up apart from the database. A key that
is missing is made when something is sealed; one that is not the right one gives KeyMismatch, and
one that others may read is not used.
"""

import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from typing_extensions import override

from guesthouse.environments.ports import Cipher
from guesthouse.errors import Unavailable
from guesthouse.kit.sensitive import Sensitive

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16


class KeyMismatch(Unavailable):
    """The key in the file is not the one the secret was sealed with."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            f"secrets cannot be read with the key in {file}",
            next_step="restore that file from the backup that goes with this database",
        )


class KeyExposed(Unavailable):
    """Others on this machine can read the key, or it is a link."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            f"the key in {file} is not ours alone, so it is not used",
            next_step=f"make it a plain file of mode 600: chmod 600 {file}",
        )


class FileKeyCipher(Cipher):
    """Seals with the key of one file."""

    def __init__(self, file: Path) -> None:
        """Remember the file; it is read, or made, at first use."""
        self._file = file

    @override
    def seal(self, secret: Sensitive[str], context: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        text = secret.reveal().encode()
        if not os.path.lexists(self._file):
            self._make()
        return nonce + AESGCM(self._key()).encrypt(nonce, text, context.encode())

    @override
    def open(self, sealed: bytes, context: str) -> Sensitive[str]:
        if len(sealed) < NONCE_BYTES + TAG_BYTES:
            raise KeyMismatch(self._file)
        nonce, text = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            plain = AESGCM(self._key()).decrypt(nonce, text, context.encode())
        except InvalidTag as exc:
            raise KeyMismatch(self._file) from exc
        return Sensitive(plain.decode())

    def _key(self) -> bytes:
        """Return the key.

        None is made here: what is opened was sealed with one. A fresh key would seal what comes
        next, and restoring the right one would lose that.
        """
        try:
            descriptor = os.open(self._file, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError as exc:
            raise KeyMismatch(self._file) from exc
        except OSError as exc:
            raise KeyExposed(self._file) from exc
        with os.fdopen(descriptor, "rb") as stream:
            if os.fstat(stream.fileno()).st_mode & 0o077:
                raise KeyExposed(self._file)
            key = stream.read(KEY_BYTES + 1)
        if len(key) != KEY_BYTES:
            raise KeyMismatch(self._file)
        return key

    def _make(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = self._file.with_name(f".{self._file.name}.{secrets.token_hex(4)}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(os.urandom(KEY_BYTES))
            # On the disk before anything sealed with it is.
            stream.flush()
            os.fsync(stream.fileno())
        try:
            # A link fails where another process was faster, so nobody's key is replaced.
            os.link(beside, self._file)
        except FileExistsError:
            pass
        finally:
            beside.unlink()
        folder = os.open(self._file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

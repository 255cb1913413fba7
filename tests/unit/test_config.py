from pathlib import Path

import pytest

from guesthouse import config
from guesthouse.errors import Invalid


def test_database_is_sqlite_in_the_state_directory_by_default(tmp_path: Path) -> None:
    settings = config.load({"GUESTHOUSE_STATE": str(tmp_path)})
    assert settings.database_url.reveal() == f"sqlite:///{tmp_path}/guesthouse.sqlite"


def test_secret_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://db\n")
    settings = config.load({"HOME": "/h", "GUESTHOUSE_DATABASE_URL_FILE": str(secret)})
    assert settings.database_url.reveal() == "postgresql://db"


@pytest.mark.parametrize("text", ["x", "0", "65536", "-1", "443 "])
def test_bad_port_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="GUESTHOUSE_API_PORT"):
        config.load({"HOME": "/h", "GUESTHOUSE_API_PORT": text})


def test_missing_secret_file_is_named() -> None:
    with pytest.raises(Invalid, match="no-such-file"):
        config.load({"HOME": "/h", "GUESTHOUSE_DATABASE_URL_FILE": "/no-such-file"})

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


def test_container_networks_come_from_the_pool_that_is_set() -> None:
    assert config.load({"HOME": "/h"}).network_pool == config.DEFAULT_NETWORK_POOL
    pool = "172.20.0.0/16"
    assert config.load({"HOME": "/h", "GUESTHOUSE_NETWORK_POOL": pool}).network_pool == pool


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x", id="no network"),
        pytest.param("10.0.0.0/8", id="too big"),
        pytest.param("10.9.0.0/24", id="too small"),
        pytest.param("10.9.1.0/16", id="not at its start"),
        pytest.param("8.8.0.0/16", id="of others"),
        pytest.param("127.0.0.0/16", id="loopback"),
        pytest.param("169.254.0.0/16", id="link-local"),
        pytest.param("fd00::/16", id="not IPv4"),
    ],
)
def test_a_pool_that_is_no_private_16_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="GUESTHOUSE_NETWORK_POOL"):
        config.load({"HOME": "/h", "GUESTHOUSE_NETWORK_POOL": text})


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("id.example.com", id="no scheme"),
        pytest.param("http://id.example.com", id="without TLS"),
        pytest.param("https://", id="no host"),
        pytest.param("https://id.example.com:x", id="no port"),
        pytest.param("https://u:p@id.example.com", id="with a password"),
        pytest.param("https://id.example.com?x=1", id="with a query"),
        pytest.param("https://id.example.com#x", id="with a fragment"),
    ],
)
def test_an_issuer_that_is_no_https_address_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="GUESTHOUSE_OIDC_ISSUER"):
        config.load({"HOME": "/h", "GUESTHOUSE_OIDC_ISSUER": text})


def test_an_issuer_is_kept_as_it_is_written() -> None:
    issuer = "https://id.example.com/realms/one/"
    assert config.load({"HOME": "/h", "GUESTHOUSE_OIDC_ISSUER": issuer}).oidc_issuer == issuer

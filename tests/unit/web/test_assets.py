import gzip
import json
from pathlib import Path

import httpx
import pytest

from guesthouse.web.assets import Assets, AssetsMissing


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    (tmp_path / "manifest.json").write_text(json.dumps({"app.js": "app-1.js"}))
    (tmp_path / "app-1.js").write_bytes(b"plain")
    (tmp_path / "app-1.js.gz").write_bytes(gzip.compress(b"plain"))
    (tmp_path / "app-1.js.br").write_bytes(b"brotli")
    (tmp_path / "secret").write_bytes(b"secret")
    return tmp_path


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("", None), ("identity", None)],
)
def test_the_best_coding_a_browser_takes_is_sent(
    bundle: Path, accepted: str, coding: str | None
) -> None:
    answer = Assets.read(bundle).response("app-1.js", accepted)
    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["vary"] == "Accept-Encoding"


def test_without_a_bundle_the_command_that_makes_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(AssetsMissing) as caught:
        Assets.read(tmp_path)
    assert caught.value.next_step == "make install"


def test_a_page_names_its_assets_by_content_and_they_are_kept_for_ever(
    anonymous: httpx.Client, operator: httpx.Client
) -> None:
    page = operator.get("/").text
    address = page.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = anonymous.get(address, headers={"Accept-Encoding": "identity"})
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"].startswith("text/css")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["secret", "manifest.json", "..%2Fsecret", "app.css"])
def test_nothing_but_the_bundle_is_served(anonymous: httpx.Client, name: str) -> None:
    assert anonymous.get(f"/static/{name}").status_code == 404

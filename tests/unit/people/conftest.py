from pathlib import Path

import pytest

from guesthouse.bootstrap.people import People
from guesthouse.db import Database
from guesthouse.db.tables import environments, partners, products
from tests.fakes.clock import START, FakeClock
from tests.fakes.people import fake_people


@pytest.fixture
def everybody(database: Database, clock: FakeClock, tmp_path: Path) -> People:
    """People of two partners, acme and other, each with an environment of its name."""
    times = {"created_at": START, "updated_at": START}
    with database.transaction() as transaction:
        transaction.insert(products, name="beacon", desired={}, **times)
        for name in ("acme", "other"):
            transaction.insert(partners, name=name, desired={"name": name}, **times)
            transaction.insert(
                environments,
                name=name,
                partner=name,
                product="beacon",
                phase="development",
                state="ready",
                desired={},
                **times,
            )
    return fake_people(database, clock, tmp_path / "state")

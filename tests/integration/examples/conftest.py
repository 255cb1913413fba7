from collections.abc import Iterator

import pytest

from tests.integration.examples.laptop import Laptop, project


@pytest.fixture(scope="module")
def laptop(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Laptop]:
    """The product a test module names in `PRODUCT`, running."""
    product = request.module.PRODUCT
    made = Laptop(product, project=project(product), directory=tmp_path_factory.mktemp(product))
    try:
        made.build()
        made.up()
        yield made
    finally:
        made.remove()

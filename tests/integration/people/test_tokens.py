"""The same, on PostgreSQL."""

from tests.unit.people.test_tokens import *  # noqa: F403 - the tests, with another database

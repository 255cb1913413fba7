"""The same, on PostgreSQL."""

from tests.unit.people.test_accounts import *  # noqa: F403 - the tests, with another database

"""The same, on PostgreSQL."""

from tests.unit.people.test_members import *  # noqa: F403 - the tests, with another database

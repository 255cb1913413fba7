"""The same, on PostgreSQL."""

from tests.unit.people.test_invitations import *  # noqa: F403 - the tests, with another database

"""What people type may be nothing a database can keep."""

import pytest

from guesthouse.bootstrap.people import People
from guesthouse.db.engine import ValueUnusable
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.errors import AccountUnknown
from guesthouse.people.scope import operator_scope
from tests.fakes.people import HERE


async def test_a_login_with_a_zero_byte_is_refused_and_no_outage(everybody: People) -> None:
    with pytest.raises(ValueUnusable):
        await everybody.signin.password("a\0b", Sensitive("plenty of wet llamas"), HERE)
    with pytest.raises(ValueUnusable):
        everybody.accounts.disable(operator_scope("operator"), "a\0b")
    with pytest.raises(AccountUnknown):
        everybody.accounts.disable(operator_scope("operator"), "nobody")

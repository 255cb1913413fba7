"""A value that hides itself wherever text is made of it."""

from typing import Generic, NoReturn, TypeVar

from typing_extensions import override

T = TypeVar("T")
MASK = "••••••"


class Sensitive(Generic[T]):
    """Wraps a secret; only ``.reveal()`` gives it back, so each use can be found by name."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def reveal(self) -> T:
        """Return the secret itself."""
        return self._value

    @override
    def __repr__(self) -> str:
        return f"Sensitive({MASK})"

    @override
    def __str__(self) -> str:
        return MASK

    @override
    def __format__(self, format_spec: str) -> str:
        return MASK

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sensitive) and bool(self._value == other._value)

    @override
    def __hash__(self) -> int:
        return hash(self._value)

    @override
    def __reduce__(self) -> NoReturn:
        # Pickles and JSON dumps of run inputs would write the secret to the database.
        message = "a Sensitive value is never serialised; reveal it where it is used"
        raise TypeError(message)

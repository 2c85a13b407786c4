"""Holder of a process's dependencies for its tasks and handlers, which are module functions. Set once by the
composition root."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Context(Generic[T]):
    """Holds one value per process."""

    def __init__(self) -> None:
        self._value: T | None = None

    def install(self, value: T) -> None:
        """Set or replace the value."""
        self._value = value

    def current(self) -> T:
        """The value. Raises LookupError before `install`."""
        if self._value is None:
            raise LookupError("the composition root of this process has not put its parts together")
        return self._value

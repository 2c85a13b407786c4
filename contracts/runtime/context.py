"""A place for what a process's tasks and handlers work with: they are module functions, found by
name, so their parts must be too. Filled once by the composition root."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Context(Generic[T]):
    """Holds one value per process. Imports nothing and connects to nothing by itself."""

    def __init__(self) -> None:
        self._value: T | None = None

    def install(self, value: T) -> None:
        """Set the value; a later call replaces it."""
        self._value = value

    def current(self) -> T:
        """The value. Raises LookupError before `install`."""
        if self._value is None:
            raise LookupError("the composition root of this process has not put its parts together")
        return self._value

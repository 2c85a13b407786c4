"""URLs of result stores. Imports no store, so that settings can be checked where none is ever opened."""

from contracts.errors import SettingsError
from contracts.results.postgres import connection_url

REDIS_SCHEMES = ("redis", "rediss", "unix")
SCHEMES = (*REDIS_SCHEMES, *connection_url.SCHEMES)


def check_result_store(url: str) -> None:
    """Raises SettingsError for an invalid URL; the text never contains its password."""
    if _scheme(url) not in SCHEMES:
        raise SettingsError(f"begins with {_scheme(url)!r}: a result store begins with {_listed(SCHEMES)}")
    if not is_redis(url):
        connection_url.parse(url)


def check_redis(url: str) -> None:
    """Raises SettingsError for a URL that is not of Redis."""
    if not is_redis(url):
        raise SettingsError(f"begins with {_scheme(url)!r}: Redis begins with {_listed(REDIS_SCHEMES)}")


def is_redis(url: str) -> bool:
    """Whether a URL is of the Redis protocol."""
    return _scheme(url) in REDIS_SCHEMES


def _scheme(url: str) -> str:
    scheme, separator, _ = url.partition("://")
    return scheme.lower() if separator else ""


def _listed(schemes: tuple[str, ...]) -> str:
    return ", ".join(f"{scheme}://" for scheme in schemes)

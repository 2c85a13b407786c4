"""URL of a PostgreSQL database, as in SQLAlchemy and libpq. Pure; imports no driver."""

import ssl
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from contracts.errors import SettingsError

SCHEMES = ("postgresql+pg8000", "postgresql")
SSL_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")
_PORT = 5432
_PARAMETERS = ("host", "sslmode", "sslrootcert", "sslcert", "sslkey")


@dataclass(frozen=True, slots=True)
class Address:
    """Address of a database. socket: path of a unix socket, in place of host and port. ssl_*: paths of files, or
    empty."""

    user: str
    password: str = field(repr=False)
    database: str
    host: str
    port: int
    socket: str
    ssl_mode: str
    ssl_root_cert: str
    ssl_cert: str
    ssl_key: str


def parse(url: str) -> Address:
    """Parse postgresql://user:password@host:port/database?sslmode=verify-full&sslrootcert=...

    A unix socket is `?host=/folder/of/the/socket`. Raises SettingsError; its text never contains the password.
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise SettingsError("is not a PostgreSQL URL")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(set(options) - set(_PARAMETERS)):
        raise SettingsError(f"has parameters that are not known: {', '.join(unknown)}; known: {', '.join(_PARAMETERS)}")
    mode = options.get("sslmode", "prefer")
    if mode not in SSL_MODES:
        raise SettingsError(f"has sslmode={mode}: it is one of {', '.join(SSL_MODES)}")
    if bool(options.get("sslcert")) != bool(options.get("sslkey")):
        raise SettingsError("has one of sslcert and sslkey: a client's certificate needs both")
    host, port = options.get("host") or parts.hostname or "", _port(parts)
    is_socket = host.startswith("/")
    user = unquote(parts.username or "")
    if not host or not user:
        raise SettingsError(f"names no {'user' if host else 'host'}: postgresql://user:password@host:port/database")
    return Address(
        user=user,
        password=unquote(parts.password or ""),
        database=unquote(parts.path.lstrip("/")) or user,
        host="" if is_socket else host,
        port=port,
        socket=f"{host.rstrip('/')}/.s.PGSQL.{port}" if is_socket else "",
        ssl_mode=mode,
        ssl_root_cert=options.get("sslrootcert", ""),
        ssl_cert=options.get("sslcert", ""),
        ssl_key=options.get("sslkey", ""),
    )


def ssl_context(address: Address) -> ssl.SSLContext | bool | None:
    """pg8000's ssl_context: False for no TLS, None for TLS if the server supports it, else a context.

    As in libpq, only verify-ca and verify-full check the server's certificate, and only the latter its host name.
    Raises OSError when a file cannot be read.
    """
    if address.ssl_mode == "disable" or address.socket:
        return False
    if address.ssl_mode == "prefer":
        return None
    context = ssl.create_default_context(cafile=address.ssl_root_cert or None)
    context.check_hostname = address.ssl_mode == "verify-full"
    if address.ssl_mode == "require":
        context.verify_mode = ssl.CERT_NONE
    if address.ssl_cert:
        context.load_cert_chain(address.ssl_cert, address.ssl_key)
    return context


def _port(parts: SplitResult) -> int:
    try:
        return parts.port or _PORT
    except ValueError:
        raise SettingsError("has a port that is not a number from 0 to 65535") from None

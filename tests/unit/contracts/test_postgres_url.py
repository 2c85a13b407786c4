"""The address of a PostgreSQL database: what is read from it, what is refused, and how strict its TLS is."""

import os
import pwd
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.errors import SettingsError, StoreUnavailable
from contracts.results.postgres import connection_url
from tests.support.servers.debian import Postgres, require
from tests.support.servers.postgres_results import ask, opened


@pytest.fixture
def own() -> Iterator[Postgres]:
    """A server that the test may break."""
    require("initdb", "postgres", "setpriv")
    with Postgres() as server:
        yield server.wait()


def test_url_is_parsed() -> None:
    full = connection_url.parse(
        "postgresql+pg8000://us%40er:p%2Fw@[::1]:6432/d%20b?sslmode=verify-full&sslrootcert=/ca.pem"
    )
    assert (full.user, full.password, full.host, full.port, full.database) == ("us@er", "p/w", "::1", 6432, "d b")
    assert (full.ssl_mode, full.ssl_root_cert, full.socket) == ("verify-full", "/ca.pem", "")
    short = connection_url.parse("postgresql://u@h")
    assert (short.user, short.password, short.port, short.database, short.ssl_mode) == ("u", "", 5432, "u", "prefer")
    local = connection_url.parse("postgresql://u@/db?host=/run/postgresql")
    assert (local.host, local.socket, local.database) == ("", "/run/postgresql/.s.PGSQL.5432", "db")
    assert "p/w" not in repr(full)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("postgresql://u:hidden@h/db?sslmode=maybe", "sslmode=maybe: it is one of disable, prefer, require"),
        ("postgresql://u:hidden@h/db?ssl=true", "not known: ssl; known: host, sslmode"),
        ("postgresql://u:hidden@h:port/db", "port"),
        ("postgresql://u:hidden@h:70000/db", "port"),
        ("postgresql://u:hidden@/db", "names no host"),
        ("postgresql://h/db", "names no user"),
        ("postgresql://u:hidden@h/db?sslcert=/c.pem", "sslcert and sslkey"),
        ("mysql://u:hidden@h/db", "not a PostgreSQL URL"),
    ],
)
def test_errors_of_a_url_do_not_contain_its_password(wrong: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        connection_url.parse(wrong)
    assert "hidden" not in caught.value.detail


def test_sslmode_sets_the_strictness_of_tls(own: Postgres) -> None:
    require("openssl")
    plain = own.create("tls")
    with pytest.raises(StoreUnavailable, match="refuses SSL"), opened(f"{plain}?sslmode=require") as store:
        store.ping()
    authority = _turn_tls_on(own)
    named = plain.replace("127.0.0.1", "localhost")
    for address in (
        f"{plain}?sslmode=require",
        f"{plain}?sslmode=verify-ca&sslrootcert={authority}",
        f"{named}?sslmode=verify-full&sslrootcert={authority}",
        plain,
    ):
        with opened(address) as store:
            store.ping()
            (mode,) = store._pool.run("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            assert mode == [True], address
    for address, said in (
        (f"{plain}?sslmode=verify-full&sslrootcert={authority}", "IP address mismatch"),
        (f"{named}?sslmode=verify-full", "self-signed certificate"),
    ):
        with pytest.raises(StoreUnavailable, match=said) as caught, opened(address) as store:
            store.ping()
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)


def _turn_tls_on(server: Postgres) -> str:
    """Give the server a certificate for the name localhost; its path."""
    key, certificate = (str(server.folder / "data" / name) for name in ("server.key", "server.crt"))
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-keyout",
        key,
        "-out",
        certificate,
    ]
    subprocess.run([*made, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, timeout=60)
    Path(key).chmod(0o600)
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(key, owner.pw_uid, owner.pw_gid)
    administration = server.url("postgres")
    ask(administration, "ALTER SYSTEM SET ssl = on")
    ask(administration, "SELECT pg_reload_conf()")
    deadline = time.monotonic() + 30
    while ask(administration, "SHOW ssl") != [["on"]]:
        assert time.monotonic() < deadline, server.log()
        time.sleep(0.05)
    return certificate

"""`python -m api.operator.users_command`, called by `web-detector`: user administration, directly on the tables."""

import argparse
import getpass
import re
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from api.access import passwords
from api.access.scopes import ADMIN
from api.tables import audit
from api.tables.users import UserTable
from contracts.database.engine import open_database
from contracts.database.tables import User
from contracts.errors import NotFound, SettingsError, WebDetectorError
from contracts.runtime.exit_codes import ended
from contracts.settings.load import load
from contracts.settings.table import Settings

_USER = "user"
_RANDOM_BYTES = 18
# As the spec has it.
USERNAME = re.compile(r"[A-Za-z0-9._@+-]{3,64}", re.ASCII)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: 0, 1 for whatever went wrong, 2 for wrong settings or arguments, 130 after an interrupt."""
    options = _parser().parse_args(argv)
    return ended(lambda: _run(options, load(None)), {SQLAlchemyError: "the database cannot be asked: "})


def _run(options: argparse.Namespace, settings: Settings) -> int:
    if not settings.database_url:
        raise SettingsError("DATABASE_URL is not set: it says where the tables are")
    engine = open_database(settings.database_url)
    try:
        UsersCommand(engine, settings).do(options)
    finally:
        engine.dispose()
    return 0


@dataclass(frozen=True, slots=True)
class UsersCommand:
    """Where the commands are carried out."""

    engine: Engine
    settings: Settings

    def do(self, options: argparse.Namespace) -> None:
        """Raises WebDetectorError."""
        table = UserTable(self.engine)
        match options.command, getattr(options, "deed", None):
            case "admin", _:
                self._admin(table, options)
            case _, "list":
                self._list(table)
            case _, "add":
                self._add(table, options, ADMIN if options.admin else _USER)
            case _, "promote":
                self._set_role(table, options.name, ADMIN)
            case _, "demote":
                self._set_role(table, options.name, _USER)
            case _, "password":
                user = table.by_name(options.name)
                table.replace_password(user.id, passwords.hashed(self._chosen(options)))
                self._note("user.password", user, "has a new password; all sessions have ended")
            case _, "disable":
                user = table.by_name(options.name)
                table.replace_password(user.id, passwords.DISABLED)
                self._note("user.disabled", user, "cannot log in any more; sessions and API tokens have ended")

    def _admin(self, table: UserTable, options: argparse.Namespace) -> None:
        try:
            table.by_name(options.name)
        except NotFound:
            self._add(table, options, ADMIN)
        else:
            self._set_role(table, options.name, ADMIN)

    def _add(self, table: UserTable, options: argparse.Namespace, role: str) -> None:
        user = table.add(options.name, passwords.hashed(self._chosen(options)), role)
        self._note("user.added", user, f"is there, with the role {role}")

    def _set_role(self, table: UserTable, name: str, role: str) -> None:
        user, _ = table.change(table.by_name(name).id, role=role)
        self._note("user.role", user, f"has the role {role}")

    def _list(self, table: UserTable) -> None:
        cursor: str | None = None
        while True:
            users, cursor = table.page(200, cursor)
            for user in users:
                state = "disabled" if user.password_hash == passwords.DISABLED else user.role
                print(f"{user.username}\t{state}\t{user.created_at:%Y-%m-%d}\t{user.id}")
            if cursor is None:
                return

    def _note(self, action: str, user: User, says: str) -> None:
        audit.write(self.engine, action, subject=user.id)
        print(f"{user.username} {says}")

    def _chosen(self, options: argparse.Namespace) -> str:
        """The password: made here and shown this once, typed twice, or the first line of what is piped in."""
        if options.generate:
            made = secrets.token_urlsafe(_RANDOM_BYTES)
            print(f"password: {made}")
            return made
        if sys.stdin.isatty():
            chosen = getpass.getpass("password: ")
            if getpass.getpass("again: ") != chosen:
                raise WebDetectorError("these were two different passwords: nothing was changed")
        else:
            chosen = sys.stdin.readline().rstrip("\r\n")
        passwords.check(chosen, options.name, self.settings.password_min_length)
        return chosen


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="web-detector", description="Users of the service, on its tables.")
    commands = parser.add_subparsers(dest="command", required=True)
    admin = commands.add_parser("admin", help="make a user an administrator, a new one if need be")
    _add_password(admin)
    deeds = commands.add_parser("users", help="list, add, change users").add_subparsers(dest="deed", required=True)
    deeds.add_parser("list", help="names, roles, since when, ids")
    add = deeds.add_parser("add", help="make a user")
    _add_password(add)
    add.add_argument("--admin", action="store_true", help="as an administrator")
    _add_password(deeds.add_parser("password", help="give a user a new password; their sessions end"))
    for name, does in (
        ("promote", "make a user an administrator"),
        ("demote", "make an administrator a user again"),
        ("disable", "shut a user out: no login, no session, no API token; a new password lets them in again"),
    ):
        deeds.add_parser(name, help=does).add_argument("name", metavar="NAME", type=_username)
    return parser


def _add_password(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", type=_username)
    parser.add_argument(
        "--generate", action="store_true", help="make a password and show it, instead of asking for one (or a pipe)"
    )


def _username(text: str) -> str:
    if not USERNAME.fullmatch(text):
        raise argparse.ArgumentTypeError("a name has 3 to 64 letters or digits; . _ @ + - are fine too")
    return text


if __name__ == "__main__":
    sys.exit(main())

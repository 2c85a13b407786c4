"""`python -m api.operator.users_command`, called by `web-detector`: user administration in the database."""

from contracts.runtime import startup

startup.begin(__name__)

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
from api.access.quotas import UserQuotas
from api.access.scopes import ADMIN
from api.live.publishing import Publisher
from api.tables import audit
from api.tables.streams import StreamTable
from api.tables.users import UserTable
from contracts.database.engine import open_database
from contracts.database.tables import User
from contracts.errors import NotFound, SettingsError, WebDetectorError
from contracts.runtime.exit_codes import ended
from contracts.settings.load import load
from contracts.settings.table import Settings
from contracts.workers.registration import connect

_USER = "user"
_RANDOM_BYTES = 18
_ENDED = "all sessions and API tokens are revoked"
# Same as in the API specification.
USERNAME = re.compile(r"[A-Za-z0-9._@+-]{3,64}", re.ASCII)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Returns the exit status: 0, 1 for errors, 2 for wrong settings or arguments, 130 after an
    interrupt."""
    options = _parser().parse_args(argv)
    return ended(lambda: _run(options, load(None)), {SQLAlchemyError: "the database cannot be used: "})


def _run(options: argparse.Namespace, settings: Settings) -> int:
    if not settings.database_url:
        raise SettingsError("DATABASE_URL is not set")
    engine = open_database(settings.database_url, durable=True)
    try:
        UsersCommand(engine, settings).execute(options)
    finally:
        engine.dispose()
    return 0


@dataclass(frozen=True, slots=True)
class UsersCommand:
    """The user commands on a database."""

    engine: Engine
    settings: Settings

    def execute(self, options: argparse.Namespace) -> None:
        """Execute the chosen command. Raises WebDetectorError."""
        table = UserTable(self.engine)
        match options.command, getattr(options, "action", None):
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
                kept = options.keep_tokens
                table.replace_password(user.id, passwords.hashed(self._password(options)), keep_tokens=kept)
                ended = "all sessions are revoked, API tokens stay valid" if kept else _ENDED
                self._note("user.password", user, f"has a new password; {ended}")
            case _, "disable":
                user = table.by_name(options.name)
                table.replace_password(user.id, passwords.DISABLED)
                stopped = self._stop_streams(user)
                live = f", {stopped} live streams are stopped" if stopped else ""
                self._note("user.disabled", user, f"is disabled; {_ENDED}{live}")

    def _admin(self, table: UserTable, options: argparse.Namespace) -> None:
        try:
            table.by_name(options.name)
        except NotFound:
            self._add(table, options, ADMIN)
        else:
            self._set_role(table, options.name, ADMIN)

    def _add(self, table: UserTable, options: argparse.Namespace, role: str) -> None:
        user = table.add(options.name, passwords.hashed(self._password(options)), role)
        self._note("user.added", user, f"is added with the role {role}")

    def _set_role(self, table: UserTable, name: str, role: str) -> None:
        user, _ = table.change(table.by_name(name).id, role=role)
        self._note("user.role", user, f"now has the role {role}")

    def _stop_streams(self, user: User) -> int:
        """Stop the live streams of a user: cameras of somebody who may not look need not be read. Returns how many."""
        table = StreamTable(self.engine)
        stopped = table.stop_all(user.id)
        if stopped and self.settings.coordination_url:  # else the processor publishes it, when the service runs
            with connect(self.settings.coordination_url) as client:
                publisher = Publisher(table, UserQuotas(self.settings, self.engine, client), client)
                for stream_id in stopped:
                    publisher.publish(stream_id)
        return len(stopped)

    def _list(self, table: UserTable) -> None:
        cursor: str | None = None
        while True:
            users, cursor = table.page(200, cursor)
            for user in users:
                state = "disabled" if user.password_hash == passwords.DISABLED else user.role
                print(f"{user.username}\t{state}\t{user.created_at:%Y-%m-%d}\t{user.id}")
            if cursor is None:
                return

    def _note(self, action: str, user: User, outcome: str) -> None:
        audit.write(self.engine, action, subject=user.id)
        print(f"{user.username} {outcome}")

    def _password(self, options: argparse.Namespace) -> str:
        """The new password: generated and printed, typed twice at the prompt, or the first line of stdin."""
        if options.generate:
            generated = secrets.token_urlsafe(_RANDOM_BYTES)
            print(f"password: {generated}")
            return generated
        if sys.stdin.isatty():
            chosen = getpass.getpass("password: ")
            if getpass.getpass("repeat the password: ") != chosen:
                raise WebDetectorError("the passwords differ: nothing was changed")
        else:
            chosen = sys.stdin.readline().rstrip("\r\n")
        passwords.check(chosen, options.name, self.settings.password_min_length)
        return chosen


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="web-detector", description="User administration.")
    commands = parser.add_subparsers(dest="command", required=True)
    admin = commands.add_parser("admin", help="create an administrator, or promote an existing user")
    _add_password(admin)
    actions = commands.add_parser("users", help="manage users").add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="list name, role, creation date and id of all users")
    add = actions.add_parser("add", help="create a user")
    _add_password(add)
    add.add_argument("--admin", action="store_true", help="with the role admin")
    password = actions.add_parser("password", help="set a new password and revoke all sessions and API tokens")
    _add_password(password)
    password.add_argument("--keep-tokens", action="store_true", help="leave the user's API tokens valid")
    for name, text in (
        ("promote", "give a user the role admin"),
        ("demote", "give an administrator the role user"),
        (
            "disable",
            "disable a user, revoke sessions and API tokens, stop live streams; a new password enables them again",
        ),
    ):
        actions.add_parser(name, help=text).add_argument("name", metavar="NAME", type=_username)
    return parser


def _add_password(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", type=_username)
    parser.add_argument(
        "--generate", action="store_true", help="generate and print a password instead of reading it from stdin"
    )


def _username(text: str) -> str:
    if not USERNAME.fullmatch(text):
        raise argparse.ArgumentTypeError("must have 3 to 64 characters: letters, digits, . _ @ + -")
    return text


if __name__ == "__main__":
    startup.done()
    sys.exit(main())

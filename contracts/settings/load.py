"""Reads the settings from the environment."""

import os
import sys
from collections.abc import Mapping

import msgspec

from contracts.errors import SettingsError
from contracts.settings.checks import misfits, weaknesses
from contracts.settings.fields import Role, extra, noted
from contracts.settings.table import Settings, setting_fields


def load_or_report(role: Role) -> Settings | None:
    """`load` for the entry point of a worker: prints the problems to stderr and returns None."""
    try:
        return load(role)
    except SettingsError as error:
        print(error.detail, file=sys.stderr)
        return None


def load(role: Role | None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings. role: whose required settings are checked; None for commands that require none.

    Raises SettingsError that names every missing, wrong or placeholder setting at once.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, object] = {}
    problems: list[str] = []
    for _, field in setting_fields():
        variable = field.name.upper()
        raw = environ.get(variable, "").strip()
        more = extra(field)
        if raw:
            try:
                value = msgspec.convert(raw, type=field.type, strict=False)
                if more["check"]:
                    more["check"](raw)
                values[field.name] = value
            except SettingsError as error:  # its text is safe, while the value may contain a password
                problems.append(f"{variable} {error.detail}")
            except (msgspec.ValidationError, ValueError) as error:
                problems.append(f"{variable}={raw!r}: {error}")
        elif more["required"] and role in more["roles"]:
            problems.append(f"{variable} is not set: {noted(field).description}")
        if raw and more["secret"] and role in more["roles"]:
            problems.extend(weaknesses(variable, raw, more["least_length"]))
    settings = Settings(**values)  # type: ignore[arg-type]
    problems.extend(misfits(settings, environ))
    if problems:
        raise SettingsError("settings are wrong:\n  " + "\n  ".join(problems))
    return settings

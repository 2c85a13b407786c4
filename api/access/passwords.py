"""Passwords: which may be chosen, and how they are kept and checked."""

import functools
import re

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from contracts.errors import WeakPassword

# Kept in place of a hash for who may not log in.
DISABLED = ""
_MOST = 256
_hasher = PasswordHasher()
# Checked when there is no such user, so that neither the answer nor its time tells.
_NOBODY = _hasher.hash("nobody has this password")
# What people put around a common password to make it longer. What is left may be too short to say anything.
_AROUND = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_WORD_LETTERS = 4
# What runs along the keys or the alphabet, to and fro; longer ones are repetitions.
_RUNS = tuple(
    line[::step] * 2
    for line in ("1234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm")
    for step in (1, -1)
)
_OWN_LETTERS = 6


def hashed(password: str, hasher: PasswordHasher = _hasher) -> str:
    """What is kept of a password: argon2id with a salt."""
    return hasher.hash(password)


def verified(kept: str | None, password: str, hasher: PasswordHasher = _hasher) -> bool:
    """Whether it is the password. kept: None where there is no such user; the work is the same then, and where the
    user is disabled."""
    try:
        hasher.verify(kept or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return bool(kept)


def check(password: str, username: str, least: int) -> None:
    """Whether it may be chosen: what counts is its length, and that it is not among the first that are guessed. No
    kinds of characters are asked for, which make passwords hard to remember and no harder to guess.

    Raises WeakPassword, which does not repeat it.
    """
    if not least <= len(password) <= _MOST:
        raise WeakPassword(f"a password has {least} to {_MOST} characters: some words in a row are good ones")
    folded, name = password.casefold(), username.casefold()
    if len(folded.replace(name, "")) < _OWN_LETTERS:
        raise WeakPassword("the password is hardly more than the name: choose another")
    if _is_common(_unit(folded)):
        raise WeakPassword(
            "the password is among the first that are guessed: a common one, also with figures around it or said "
            "more than once; choose another"
        )


def _unit(text: str) -> str:
    """The shortest part that the text is a repetition of, the last of which may be cut short."""
    for length in range(1, len(text) // 2 + 1):
        if (text[:length] * (len(text) // length + 1))[: len(text)] == text:
            return text[:length]
    return text


def _is_common(text: str) -> bool:
    if len(text) < _WORD_LETTERS or any(text in run for run in _RUNS):
        return True
    bare, common = _AROUND.sub("", text), _common()
    return text in common or (len(bare) >= _WORD_LETTERS and _unit(bare) in common)


@functools.cache
def _common() -> frozenset[str]:
    """The 30,000 passwords that were seen most often in public collections of stolen ones, in lower case.

    They are read when the first password is chosen: it takes a third of a second.
    """
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(FREQUENCY_LISTS["passwords"])

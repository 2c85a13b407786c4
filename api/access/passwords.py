"""Passwords: rules for new ones, hashing, verification."""

import functools
import re

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from contracts.errors import WeakPassword

# Stored instead of a hash for disabled users.
DISABLED = ""
_MOST = 256
_hasher = PasswordHasher()
# Verified when the user is unknown, so that response and timing do not reveal it: no password has this hash, and it
# costs as much as another. Made of text, since computing one takes 0.2 s of each start.
_NOBODY = "$argon2id$v=19$m={},t={},p={}${}${}".format(
    _hasher.memory_cost, _hasher.time_cost, _hasher.parallelism, "A" * 22, "A" * 43
)
# Digits and signs that people add around a common password. The rest may be too short to judge.
_AROUND = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_WORD_LETTERS = 4
# Keyboard and alphabet sequences, both directions; longer ones are repetitions.
_RUNS = tuple(
    line[::step] * 2
    for line in ("1234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm")
    for step in (1, -1)
)
_OWN_LETTERS = 6


def hashed(password: str, hasher: PasswordHasher = _hasher) -> str:
    """The salted argon2id hash of a password."""
    return hasher.hash(password)


def verified(kept: str | None, password: str, hasher: PasswordHasher = _hasher) -> bool:
    """Whether the password is right. kept: the stored hash, None for an unknown user; takes the same time for unknown
    and disabled users."""
    try:
        hasher.verify(kept or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return bool(kept)


def check(password: str, username: str, least: int) -> None:
    """Check a new password: its length, and that it is not a common one. No character classes are required; they make
    passwords harder to remember, not harder to guess.

    Raises WeakPassword, without the password in the message.
    """
    if not least <= len(password) <= _MOST:
        raise WeakPassword(f"a password has {least} to {_MOST} characters: use several words, for example")
    folded, name = password.casefold(), username.casefold()
    if len(folded.replace(name, "")) < _OWN_LETTERS:
        raise WeakPassword("the password is too similar to the name: choose another")
    if _is_common(_unit(folded)):
        raise WeakPassword("the password is too common, also with digits around it or repeated: choose another")


def _unit(text: str) -> str:
    """The shortest part that the text repeats; the last repetition may be incomplete."""
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
    """The 30,000 most common passwords of public leaks, in lower case. Loaded on first use, which takes 0.3 s."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(FREQUENCY_LISTS["passwords"])

"""Which passwords may be chosen, and that checking one costs the same for whoever it is."""

import pytest
from argon2 import PasswordHasher, extract_parameters

from api.access.passwords import DISABLED, check, hashed, verified
from contracts.errors import WeakPassword


class Counting(PasswordHasher):
    """The real one, which notes the cost of what it does."""

    def __init__(self) -> None:
        super().__init__()
        self.costs: list[object] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]
        self.costs.append(extract_parameters(str(hash)))
        return bool(super().verify(hash, password))


@pytest.mark.parametrize(
    "password",
    [
        "correct-horse-battery", "four words in a row", "ünïcödé-çhåräctèrs", "xkqj vbrt plmw", "dragonfly-on-a-pond",
        "94736251840275", "password is what I never type",
    ],
)  # fmt: skip
def test_long_uncommon_passwords_are_accepted_with_any_characters(password: str) -> None:
    check(password, "alice", 12)


@pytest.mark.parametrize(
    "password",
    [
        "1qaz2wsx3edc", "QWERTY123456", "passwordpassword", "Password12345", "2024!password!", "aaaaaaaaaaaaaaaa",
        "123123123123", "sunshine1234", "123456789012", "abcdefghijklm", "zyxwvutsrqpo", "qwertyuiopasdf",
        "football2024!", "monkeymonkeymonk",
    ],
)  # fmt: skip
def test_common_passwords_are_refused(password: str) -> None:
    with pytest.raises(WeakPassword, match="the password is too common") as refused:
        check(password, "alice", 12)
    assert password not in refused.value.detail


def test_user_name_as_password_is_refused() -> None:
    for password in ("margaret-atwood", "Margaret-Atwood1", "margaret-atwood12345"):
        with pytest.raises(WeakPassword, match="too similar to the name"):
            check(password, "margaret-atwood", 12)
    check("margaret-atwood writes", "margaret-atwood", 12)


def test_minimum_length_is_configurable() -> None:
    for password, least in (("eleven-long", 12), ("x" * 7, 8), ("fifteen-letters", 16), ("ab" + "cd" * 200, 12)):
        with pytest.raises(WeakPassword, match=f"{least} to 256 characters"):
            check(password, "alice", least)
    check("eleven-long", "alice", 11)


def test_refusing_an_unknown_user_takes_as_long_as_a_known_one() -> None:
    hasher = Counting()
    kept = hashed("correct-horse-battery")
    assert verified(kept, "correct-horse-battery", hasher)
    for nobody in (None, DISABLED):
        assert not verified(nobody, "correct-horse-battery", hasher)
        assert not verified(nobody, "nobody has this password", hasher)
    assert not verified(kept, "wrong", hasher)
    assert len(hasher.costs) == 6
    assert len(set(map(repr, hasher.costs))) == 1


def test_stored_hash_does_not_reveal_the_password() -> None:
    first, second = hashed("correct-horse-battery"), hashed("correct-horse-battery")
    assert first.startswith("$argon2id$")
    assert first != second
    assert "correct" not in first

"""Who asks, and may they."""

from contracts.errors.kinds import Conflict, InvalidInput, TooMany, WebDetectorError


class WeakPassword(InvalidInput):
    """A password that is too easy to guess."""

    code = "weak_password"


class TooManyTries(TooMany):
    """Too many attempts by one name or address. first: whether this is the first refused attempt."""

    def __init__(self, detail: str, retry_seconds: int, *, first: bool = False) -> None:
        super().__init__(detail, retry_seconds)
        self.first = first


class TooManyLogins(TooManyTries):
    """Too many failed logins."""

    code = "too_many_logins"


class TooManyRegistrations(TooManyTries):
    """Too many registrations from one address."""

    code = "too_many_registrations"


class Unauthenticated(WebDetectorError):
    code = "unauthenticated"


class WrongPassword(WebDetectorError):
    """The current password is wrong (when changing it)."""

    code = "wrong_password"


class NeedsLogin(WebDetectorError):
    """The operation requires a login session; an API token is not enough."""

    code = "needs_login"


class NeedsAdmin(WebDetectorError):
    """The operation requires an administrator."""

    code = "needs_admin"


class OutOfScope(WebDetectorError):
    """The operation is outside the API token's scopes."""

    code = "out_of_scope"


class ForeignOrigin(WebDetectorError):
    """A page of another origin opened a WebSocket with the user's cookies."""

    code = "foreign_origin"


class RegistrationClosed(WebDetectorError):
    """Registration is disabled; the operator adds users."""

    code = "registration_closed"


class UsernameTaken(Conflict):
    code = "username_taken"

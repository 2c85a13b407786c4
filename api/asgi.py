"""What the web server serves: `gunicorn -k asgi "api.asgi:create()"`."""

import sys
import warnings

from contracts.errors import SettingsError
from contracts.logs import configure
from contracts.settings import load

# Connexion imports a test client that Starlette is about to move: nothing that an operator can mend.
warnings.filterwarnings("ignore", message="Using `httpx` with", module="connexion")

import connexion  # noqa: E402  (after the filter)

from api.app import create_app  # noqa: E402


def create() -> connexion.FlaskApp:
    """The application by the settings of the environment."""
    try:
        settings = load("api")
    except SettingsError as error:
        sys.exit(error.detail)
    configure(settings)
    return create_app(settings)

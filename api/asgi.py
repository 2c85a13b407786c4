"""What the web server serves: `gunicorn -k api.gunicorn_worker.Worker "api.asgi:create()"`."""

import sys
import warnings

from contracts.errors import SettingsError
from contracts.runtime.log_setup import configure
from contracts.settings.load import load

# Connexion imports a test client that Starlette is about to move: nothing that an operator can mend.
warnings.filterwarnings("ignore", message="Using `httpx` with", module="connexion")

import connexion  # noqa: E402  (after the filter)

from api import gunicorn_worker  # noqa: E402
from api.app import create_app  # noqa: E402
from api.context import context  # noqa: E402

# A worker that ends with it is not started again: gunicorn's Arbiter.APP_LOAD_ERROR.
_HALT = 4


def create() -> connexion.FlaskApp:
    """The application by the settings of the environment; without them the end of the whole server."""
    try:
        settings = load("api")
    except SettingsError as error:
        print(error.detail, file=sys.stderr)
        sys.exit(_HALT)
    configure(settings)
    app = create_app(settings)
    services = context.current()
    gunicorn_worker.on_stop += [services.events.stop, services.deliverer.stop]
    return app

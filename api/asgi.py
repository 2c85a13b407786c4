"""ASGI entry point: `gunicorn -k api.gunicorn_worker.Worker "api.asgi:create()"`."""

import logging
import sys
import warnings
from typing import TYPE_CHECKING

from contracts.errors import SettingsError
from contracts.runtime import startup
from contracts.runtime.log_setup import configure
from contracts.settings.checks import risks
from contracts.settings.load import load
from contracts.settings.table import Settings

if TYPE_CHECKING:
    import connexion

log = logging.getLogger(__name__)

# Exit code of a worker that gunicorn does not restart: Arbiter.APP_LOAD_ERROR.
_HALT = 4


def create() -> "connexion.FlaskApp":
    """The application with the settings of the environment. Stops the whole server when the settings are invalid."""
    try:
        settings = load("api")
    except SettingsError as error:
        print(error.detail, file=sys.stderr)
        sys.exit(_HALT)
    configure(settings)
    # It tells at each SDP offer that it has no validator for it: the ingest is one.
    logging.getLogger("connexion.middleware.validation").setLevel(logging.WARNING)
    for risk in risks(settings):
        log.warning("%s", risk)
    startup.begin()
    app = _application(settings)
    startup.done()
    return app


def _application(settings: Settings) -> "connexion.FlaskApp":
    # Connexion imports a test client that Starlette is about to move. Operators cannot do anything about it.
    warnings.filterwarnings("ignore", message="Using `httpx` with", module="connexion")
    from api import gunicorn_worker
    from api.app import build_now, create_app
    from api.context import context

    app = create_app(settings)
    build_now(app)
    services = context.current()
    gunicorn_worker.on_stop += [services.events.stop, services.live.stop, services.deliverer.stop]
    return app

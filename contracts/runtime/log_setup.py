"""One way of logging for all roles: a line per record, to standard error."""

import logging

from contracts.settings.table import Settings

FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def configure(settings: Settings) -> None:
    """Set up the root logger of this process."""
    logging.basicConfig(level=settings.log_level.upper(), format=FORMAT, force=True)
    # Whole URLs of imports, with the signatures that some of them carry, belong into no log.
    logging.getLogger("httpcore").setLevel(logging.INFO)
    if settings.log_level == "info":
        # Celery tells of every task three times, the reaper's among them.
        for name in ("celery.app.trace", "celery.worker.strategy"):
            logging.getLogger(name).setLevel(logging.WARNING)

"""Logging of all roles: a line per record, to standard error, as text or JSON."""

import logging
from datetime import UTC, datetime

import msgspec

from contracts.runtime import tracing
from contracts.settings.table import Settings

FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"
# gunicorn gives its own loggers handlers before it loads the application.
_WITH_HANDLERS = ("gunicorn.error", "gunicorn.access")


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: time, level, logger, message; the trace and span that it belongs to; what it is
    about (job, chunk, stream, video and others, by name); error, the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if span := tracing.current():
            line |= {"trace": span.trace, "span": span.id}
        line |= tracing.subjects()
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        # A lone surrogate, such as of a request or a file name, is no UTF-8.
        written = {name: str(value).encode(errors="backslashreplace").decode() for name, value in line.items()}
        return msgspec.json.encode(written).decode()


def configure(settings: Settings) -> None:
    """Configure the root logger of this process."""
    logging.basicConfig(level=settings.log_level.upper(), format=FORMAT, force=True)
    if settings.log_format == "json":
        loggers = [logging.getLogger(), *map(logging.getLogger, _WITH_HANDLERS)]
        for handler in (handler for logger in loggers for handler in logger.handlers):
            handler.setFormatter(JsonFormatter())
    # It logs full URLs of imports, which may contain signatures.
    logging.getLogger("httpcore2").setLevel(logging.INFO)
    if settings.log_level == "info":
        # Celery logs every task three times, including those of the reaper.
        for name in ("celery.app.trace", "celery.worker.strategy"):
            logging.getLogger(name).setLevel(logging.WARNING)

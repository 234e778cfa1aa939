"""The server's own log: one JSON object a line on standard error, without the values of variables."""

import sys

import structlog


def configure_log() -> None:
    """Log as JSON with UTC times; a traceback names lines, never what variables held."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )

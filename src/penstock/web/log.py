"""The server's own log: one JSON object a line on standard error, without the values of variables."""

import logging
import sys

import structlog


def configure_log() -> None:
    """Log as JSON with UTC times; a traceback names lines, never what variables held."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # else each call to an engine is a line
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),  # what it is then, not now
    )

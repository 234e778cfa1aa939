"""The host may fail us at any call: such failures reach the app as faults that say what was being done."""

import contextlib
from collections.abc import Generator

import msgspec

from penstock.base.refusal import Fault


@contextlib.contextmanager
def fault(doing: str) -> Generator[None]:
    """Turn an error of the operating system, or a file that is not whole, into a Fault."""
    try:
        yield
    except (OSError, msgspec.DecodeError) as error:
        raise Fault(f"{doing}: {error}") from error

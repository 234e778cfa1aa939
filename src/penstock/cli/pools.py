"""Pools as one job sees them: what its software runs on, how fast it is there, and what that costs."""

from penstock.cli import formats
from penstock.cli.output import print_table
from penstock.placement.pools import Pool


def print_pools(pools: list[Pool]) -> None:
    """One line a pool, in the order in which the job should have them."""
    rows = [
        (
            pool.model,
            pool.stack,
            str(pool.devices),
            formats.yes(pool.fits),
            ", ".join(pool.rules) or (formats.NONE if pool.named else formats.word("no_fit_model")),
            f"{pool.precision} {pool.pflops * 1000:.4g}" if pool.pflops and pool.precision else formats.NONE,
            _price(pool.price_micros_per_card_hour),
            _price(pool.price_micros_per_pflops_hour),
        )
        for pool in pools
    ]
    titles = (
        "MODEL",
        "STACK",
        "DEVICES",
        "FITS",
        "KEPT OUT BY",
        "MEASURED TFLOPS",
        "PER CARD-HOUR",
        "PER PFLOPS·H",
    )
    print_table(titles, rows, right=(2, 6, 7))


def _price(micros: int | None) -> str:
    return formats.NONE if micros is None else formats.price(round(micros, -4))

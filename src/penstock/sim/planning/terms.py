"""What each remedy takes for granted of demand: in words, and each figure with its source, or called assumed."""

from penstock.base.figure import Figure
from penstock.insight.economics.plan import RemedyTerms
from penstock.insight.economics.units import PPM

ASSUMED, PLAN = "assumed", "the plan"
_DEEPSEEK = (
    "DeepSeek, 2025-02-26: its API at night (00:30 to 08:30) at 50 % and 25 %, faxianai.com/news/7934.html"
)
_SOURCES = {
    "spot_price": "Google Cloud: Spot VMs at up to 91 %, earlier 60 to 91 %, off; 40 % is the dear end of that, "
    "docs.cloud.google.com/compute/docs/instances/create-use-spot",
    "flexible": "a blog on the same offer: 20 to 30 % of tasks are not in real time and could move to the night, "
    "xhuge.net/en/deepseek-open-platform-launches-nighttime-off-peak-api-offer",
    "valley_price": _DEEPSEEK,
    "valley_from_hour": _DEEPSEEK,
    "valley_to_hour": _DEEPSEEK,
    "lent": "Runway, 2026-07-02: the trough of inference demand can be under half of its peak, "
    "runwayml.com/news/borrowing-the-night-reclaiming-idle-inference-gpus-for-research",
}
"""Of the defaults; what is not here nobody publishes: `assumed`."""
_UNITS = {
    "spot": "percent of the traces' jobs, on top",
    "spot_price": "percent of the rent",
    "flexible": "percent of the jobs that end within the valley",
    "valley_price": "percent of the rent",
    "valley_from_hour": "hour of the day",
    "valley_to_hour": "hour of the day",
    "lent": "percent of the servers under contract",
    "move_minutes": "minutes",
}
_VALLEY = ("valley_from_hour", "valley_to_hour")
_USES: dict[str, tuple[str, ...]] = {
    "spot_with_notice": ("spot", "spot_price"),
    "defragmentation": ("move_minutes",),
    "valley_pricing": ("flexible", "valley_price", *_VALLEY),
    "lending_at_night": ("lent", "spot_price", *_VALLEY),
}


def terms_of(remedy: str, terms: RemedyTerms) -> dict[str, Figure]:
    """The figures that a remedy works with: claims of their sources, or assumed."""
    usual = RemedyTerms()
    found = {}
    for name in _USES.get(remedy, ()):
        given = getattr(terms, name)
        source = _SOURCES.get(name, ASSUMED) if given == getattr(usual, name) else PLAN
        found[name] = Figure(
            value=100 * given / PPM if _UNITS[name].startswith("percent") else given,
            unit=_UNITS[name],
            population=f"{remedy}, demand for it",
            status="claimed",
            source=source,
        )
    return found


def assumption(remedy: str, terms: RemedyTerms) -> str:
    """What a remedy takes for granted, in words with its figures."""
    hours = f"from {terms.valley_from_hour} to {terms.valley_to_hour} h"
    spot_price = f"{terms.spot_price / PPM:.0%} of the rent"
    said = {
        "sharing": "jobs on one card do not slow each other down",
        "porting": "all software that names other models is ported, at no cost",
        "spot_with_notice": f"{terms.spot / PPM:.0%} more jobs come at {spot_price} and give way with notice",
        "defragmentation": f"a job that can checkpoint stands still for {terms.move_minutes:g} min when it is moved",
        "valley_pricing": f"{terms.flexible / PPM:.0%} of the jobs that fit {hours} wait for it at "
        f"{terms.valley_price / PPM:.0%} of the rent; none comes because of it",
        "lending_at_night": f"{terms.lent / PPM:.0%} of the servers under contract take jobs {hours} at {spot_price}",
    }
    return said.get(remedy, "")

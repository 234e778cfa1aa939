"""Container images: which there are, by the engines that run jobs in them, and which a job asks for in vain."""

from collections.abc import Iterator

import msgspec

from penstock.app.context import App
from penstock.base.refusal import Fault, Refusal, Refused, invalid
from penstock.lease.job import JobSpec
from penstock.lease.tenant import Principal
from penstock.lease.variants import images

_NAMED_MAX = 20


class ImageView(msgspec.Struct, frozen=True, kw_only=True):
    """An image that jobs can run in, and where."""

    name: str
    engine: str


def view(app: App, _principal: Principal) -> tuple[ImageView, ...]:
    """Every image of the engines that answer, by name. Whoever may submit a job may know them."""
    return tuple(ImageView(name=name, engine=engine) for name, engine in sorted(_there(app) or ()))


def problems(app: App, spec: JobSpec) -> Iterator[Refusal]:
    """Images that no engine of this centre has, or could run at all."""
    named = images(spec)
    if not named:
        return
    there = _there(app)
    known = {name for name, _ in there or ()}
    for field, image in named.items():
        if there is None:
            yield invalid(
                "images_not_run",
                f"{image} is an image, and no engine of this centre runs images",
                "leave image: out and install what is missing in setup:, or use `penstock render`",
                field,
            )
        elif image not in known:
            yield invalid(
                "image_unknown",
                f"this centre has no image {image}; it has: {', '.join(sorted(known)[:_NAMED_MAX]) or 'none'}",
                "name one of those, or ask the operator to add it with `penstock image add`",
                field,
            )


def _there(app: App) -> set[tuple[str, str]] | None:
    """Image and engine, of all engines that answer; None where none of them runs images."""
    found: set[tuple[str, str]] | None = None
    for name, engine in app.engines.items():
        try:
            held = engine.capacity().images
        except (Fault, Refused):
            continue
        if held is not None:
            found = {*(found or ()), *((image, name) for image in held)}
    return found

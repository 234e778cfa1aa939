"""`penstock image`: container images that jobs can run in."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from penstock.app.images import ImageView
from penstock.base.refusal import Refused, invalid
from penstock.cli import formats
from penstock.cli.app import tree
from penstock.cli.call import CALL, Call
from penstock.cli.language import _
from penstock.cli.output import note, print_json, print_table
from penstock.lease.jobfile.check import is_image

if TYPE_CHECKING:
    from penstock.engines.local.images.store import Image

app = tree("image")

type Name = Annotated[str, Parameter(help="Name by which jobs ask for it, such as registry.example/train:1.")]
type Folder = Annotated[
    Path | None, Parameter(help="Data directory; by default under the XDG data directory.")
]


@app.command(name="list")
def list_images(*, call: Call = CALL) -> None:
    """List the images that jobs can run in."""
    with call.client() as client:
        call.show_list(client.items("images"), ImageView, _names)


@app.command
def add(
    name: Name,
    source: Annotated[
        str,
        Parameter(
            help="Archive of `podman save` or `docker save`, directory with an OCI layout, or podman:NAME."
        ),
    ],
    /,
    *,
    show: Annotated[
        tuple[Path, ...],
        Parameter(
            help="Path of this host that jobs in the image see too, such as that of a driver.", negative=()
        ),
    ] = (),
    data: Folder = None,
    call: Call = CALL,
) -> None:
    """Unpack an image on this host, for jobs of its own engine. Nothing is fetched from a network."""
    from penstock.engines.local.images.store import add as add_image

    if not is_image(name):
        what = f"{name[:80]!r} is no reference of a container image"
        raise Refused(invalid("image_malformed", what, "write such as registry.example/name:tag"))

    def tell(stage: str) -> None:
        if not call.json:
            note(
                {"reading": _("reading {source}").format(source=source)}.get(stage, _("unpacking its layers"))
            )

    added = add_image(_root(data), name, source, show, tell)
    _print(added, call)
    if added.unused and not call.json:
        note(_("not used by jobs: {said}").format(said="; ".join(added.unused)))
        note(
            _(
                "run: of a job begins in /workspace, as the user that runs the server: write what they did into it"
            )
        )


@app.command
def remove(name: Name, /, *, data: Folder = None, call: Call = CALL) -> None:
    """Take an image away from this host, unless a job runs in it."""
    from penstock.engines.local.images.store import remove as remove_image
    from penstock.wire import ATTEMPTS

    root = _root(data)
    remove_image(root, name, root.with_name(ATTEMPTS))
    if call.json:
        print_json({"removed": name})
    else:
        note(_("{name} is removed").format(name=name))


def _root(data: Path | None) -> Path:
    from penstock.wire import IMAGES, default_data_directory

    return (data or default_data_directory()).absolute() / IMAGES


def _names(images: list[ImageView]) -> None:
    print_table(("IMAGE", "ENGINE"), [(image.name, image.engine) for image in images])


def _print(image: "Image", call: Call) -> None:
    if call.json:
        print_json(image)
    else:
        row = (image.name, image.architecture, formats.size(image.size_bytes), image.shell, image.digest)
        print_table(("IMAGE", "ARCHITECTURE", "SIZE", "SHELL", "DIGEST"), [row])

"""How the centre reaches one Ray cluster, and what it asks of it."""

from pathlib import Path

import msgspec

from penstock.base.refusal import Refusal, Refused
from penstock.engines.local.host import Isolation


class RaySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One cluster. `url` is the address of its head's Jobs API, `token_file` holds what the cluster asks for.

    `shared` is a directory that the server and every host of the cluster see at the same path, and `python`
    an interpreter there with Ray and this package installed; empty: the one that runs the server.
    """

    name: str = "ray"
    url: str
    token_file: Path | None = None
    shared: Path
    python: str = ""
    isolation: Isolation | None = None
    """Weakest that works everywhere: process groups. None: the strongest that each host allows."""
    open_to_all: bool = False
    """The cluster takes jobs from whoever reaches it, and you know that nobody does who should not."""
    accepted: bool = False
    """Its devices go on sale on the operator's word; otherwise once they are accepted one by one."""
    look_every_s: float = 5.0

    def token(self) -> str:
        """What the token file holds. Raises Refused where it cannot be read."""
        try:
            return self.token_file.read_text().strip() if self.token_file else ""
        except OSError as error:
            raise Refused(
                Refusal(
                    "engine_token",
                    f"the token of {self.name} cannot be read: {error}",
                    "name a file that the server may read",
                )
            ) from error

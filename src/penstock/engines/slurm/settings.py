"""How the centre reaches one cluster, and what it asks of it."""

from pathlib import Path

import msgspec

from penstock.engines.local.host import Isolation


class SlurmSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One cluster. Without `url` the commands of Slurm on this host are used.

    `shared` is a directory that the server and every host of the cluster see at the same path, and `python`
    an interpreter there with this package installed. One of `token_file` (renewed by somebody else) and
    `jwt_key_file` (tokens are made from the cluster's key) says who we are to slurmrestd.
    """

    name: str = "slurm"
    url: str = ""
    user: str = ""
    token_file: Path | None = None
    jwt_key_file: Path | None = None
    ca_file: Path | None = None
    shared: Path
    python: str = ""
    account: str = ""
    partition: str = ""
    qos: str = ""
    constraint: str = ""
    """Features of the hosts that are used, in Slurm's words; of a single one, only hosts that have it are taken up."""
    isolation: Isolation | None = None
    """Weakest that works everywhere: process groups. None: the strongest that each host allows."""
    models: dict[str, str] = {}
    """Slurm's type of GPU -> our accelerator model, where the names differ."""
    cores_per_device: int = 1
    """Of hosts without accelerators, whose cores are sold."""
    accepted: bool = False
    """Its devices go on sale on the operator's word, for our bench does not reach them; else they are only shown."""
    reservations: bool = False
    """Keep leased hosts by reservations and accounts; needs an operator's rights on the cluster."""
    accounting: bool = True
    """Wait for the accounting record of each job before its end is final."""
    accounting_patience_s: float = 120.0
    look_every_s: float = 5.0

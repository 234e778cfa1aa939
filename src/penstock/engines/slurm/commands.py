"""Slurm's own commands with JSON output, for a cluster without slurmrestd; our host is one of its hosts."""

import os
import subprocess
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from penstock.base.refusal import Fault, Refusal, Refused
from penstock.engines.slurm import reading
from penstock.engines.slurm.model import PATH, Rejected, SlurmJob, SlurmNode, Submission

TIMEOUT_S = 30.0
_REJECTED = "Batch job submission failed: "
_AWAY = ("Unable to contact slurm controller", "Socket timed out", "Slurm backup controller", "try again")


class Commands:
    """The same cluster as `Rest` reads, by squeue, sinfo, sacct, sbatch and scancel."""

    def close(self) -> None:
        """Nothing is held."""

    def version(self) -> str:
        """What the commands call themselves. Raises Refused where they are not installed."""
        words = _run("sinfo", "--version").split()
        version = words[-1] if words else ""
        if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < (22, 5):
            raise Refused(
                Refusal(
                    "engine_version_unsupported",
                    f"Slurm {version} has no JSON output that we read",
                    "use Slurm 22.05 or later",
                )
            )
        return version

    def jobs(self) -> tuple[SlurmJob, ...]:
        """All that the controller still knows."""
        return tuple(map(reading.job, _json("squeue", "--json").get("jobs") or ()))

    def job(self, number: int) -> SlurmJob | None:
        """One job, or None where the controller knows it no more."""
        return next((one for one in self.jobs() if one.id == number), None)

    def nodes(self) -> tuple[SlurmNode, ...]:
        """All hosts."""
        raw = _json("sinfo", "--json")
        if "nodes" in raw:
            return tuple(map(reading.node, raw["nodes"] or ()))
        return tuple(map(reading.node, _json("scontrol", "show", "nodes", "--json").get("nodes") or ()))

    def accounted(self, numbers: Iterable[int]) -> dict[int, SlurmJob]:
        """Accounting records of these jobs, as far as they have arrived."""
        wanted = ",".join(map(str, numbers))
        if not wanted:
            return {}
        return reading.records(_json("sacct", "--json", "-j", wanted).get("jobs") or ())

    def submit(self, wanted: Submission) -> int:
        """Submit; the job's number. Raises Rejected where it can never run."""
        options = [
            f"--job-name={wanted.name}",
            f"--comment={wanted.comment}",
            f"--nodes={len(wanted.nodes)}",
            f"--nodelist={','.join(wanted.nodes)}",
            "--ntasks-per-node=1",
            f"--cpus-per-task={wanted.cpus_per_node}",
            f"--chdir={wanted.directory}",
            f"--output={wanted.output}",
            "--no-requeue",
            "--export=ALL",  # NONE would have hosts load a user's environment, which takes a second
            "--parsable",
        ]
        names = ("gres", "account", "partition", "reservation", "qos", "constraint")
        options += [f"--{name}={getattr(wanted, name)}" for name in names if getattr(wanted, name)]
        if wanted.memory_mib:
            options.append(f"--mem={wanted.memory_mib}M")
        if wanted.time_limit_minutes:
            options.append(f"--time={wanted.time_limit_minutes}")
        try:
            said = _run("sbatch", *options, text=wanted.script, environment=_bare())
        except Fault as error:
            reason = str(error)
            if _REJECTED in reason and not any(word in reason for word in _AWAY):
                raise Rejected(reason.rpartition(_REJECTED)[2].strip()) from error
            raise
        return int(said.strip().partition(";")[0])

    def cancel(self, number: int, signal: str = "KILL") -> None:
        """Cancel a job; one that is over or unknown is let be."""
        try:
            _run("scancel", f"--signal={signal}", str(number))
            _run("scancel", str(number))
        except Fault as error:
            if "Invalid job id" not in str(error) and "already completing" not in str(error):
                raise


def _json(*command: str) -> dict[str, Any]:
    try:
        decoded = msgspec.json.decode(_run(*command))
    except msgspec.DecodeError as error:
        raise Fault(f"{command[0]}: no JSON") from error
    if not isinstance(decoded, dict):
        raise Fault(f"{command[0]}: an answer that is no object")
    return decoded


def _bare() -> dict[str, str]:
    """What a job may know of our environment: nothing; and what sbatch must."""
    slurm = {name: value for name, value in os.environ.items() if name == "SLURM_CONF"}
    return {"PATH": PATH, **slurm}


def _run(*command: str, text: str = "", environment: Mapping[str, str] | None = None) -> str:
    try:
        done = subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            env=environment,
        )
    except FileNotFoundError as error:
        raise Refused(
            Refusal(
                "engine_commands_missing",
                f"{command[0]} is not on this host",
                "install Slurm's client commands, or give the url of slurmrestd",
            )
        ) from error
    except subprocess.TimeoutExpired as error:
        raise Fault(f"{command[0]} did not answer in {TIMEOUT_S:.0f} s") from error
    if done.returncode:
        raise Fault(f"{command[0]}: {done.stderr.strip()[-500:]}")
    return done.stdout

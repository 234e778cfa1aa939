"""From what an operator says of a cluster to the engine that uses it."""

from penstock.engines.ray.engine import RayEngine
from penstock.engines.ray.settings import RaySettings
from penstock.engines.settings import ClusterSettings
from penstock.engines.slurm.engine import SlurmEngine


def open_cluster(settings: ClusterSettings) -> SlurmEngine | RayEngine:
    """The engine of a cluster. Raises Refused where it will never have us."""
    return RayEngine(settings) if isinstance(settings, RaySettings) else SlurmEngine(settings)

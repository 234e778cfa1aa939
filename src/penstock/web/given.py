"""What every endpoint is given by name: the centre, who is asking, and the probe of its host."""

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from penstock.app.context import App
from penstock.app.intake import Intake
from penstock.app.ports import Probe
from penstock.lease.tenant import Principal

GivenApp = NamedDependency[App]
GivenPrincipal = NamedDependency[Principal]
GivenProbe = NamedDependency[SkipValidation[Probe]]
GivenIntake = NamedDependency[SkipValidation[Intake]]

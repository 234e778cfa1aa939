"""The Chinese catalogue: English sentence -> Chinese sentence, with the same placeholders."""

from penstock.cli.zh.alarms import ALARMS
from penstock.cli.zh.chips import CHIPS
from penstock.cli.zh.commands import COMMANDS
from penstock.cli.zh.demo import DEMO
from penstock.cli.zh.labels import LABELS
from penstock.cli.zh.messages import MESSAGES
from penstock.cli.zh.metering import METERING
from penstock.cli.zh.options import OPTIONS
from penstock.cli.zh.placing import PLACING
from penstock.cli.zh.pricing import PRICING
from penstock.cli.zh.tools import TOOLS

CATALOGUE: dict[str, str] = {
    **COMMANDS,
    **OPTIONS,
    **LABELS,
    **MESSAGES,
    **DEMO,
    **TOOLS,
    **PRICING,
    **CHIPS,
    **METERING,
    **PLACING,
    **ALARMS,
}

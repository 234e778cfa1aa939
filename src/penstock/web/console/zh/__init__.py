"""The console in Chinese: English sentence -> Chinese, in parts."""

from penstock.web.console.zh.states import STATES

CATALOGUE: dict[str, str] = {**STATES}

"""The console in Chinese: English sentence or code -> Chinese, in parts."""

from penstock.web.console.zh.agreements import AGREEMENTS
from penstock.web.console.zh.codes import CODES
from penstock.web.console.zh.money import MONEY
from penstock.web.console.zh.outlook import OUTLOOK
from penstock.web.console.zh.people import PEOPLE
from penstock.web.console.zh.work import WORK
from penstock.web.documents.code_words import WORDS

CATALOGUE: dict[str, str] = {**WORDS, **CODES, **PEOPLE, **WORK, **MONEY, **OUTLOOK, **AGREEMENTS}

"""What a call of the API can end in besides an answer."""

from penstock.base.refusal import Refused


class SdkRefused(Refused):
    """The centre declined; `refusals` say why and how to mend it, and nothing was written."""


class SdkUnreachable(Exception):
    """No answer that can be used: nobody listens, the connection broke, or the server itself failed."""

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(f"{url}: {reason}")

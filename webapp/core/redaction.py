"""What stands in no log line and in no stored error, whoever wrote it."""

import re
from typing import Any

BLACKED_OUT = "…"

_SECRET_NAMES = re.compile(
    r"password|passphrase|secret|token|authorization|cookie|credential|api_?key|signature|^body$|^html$|^text$",
    re.IGNORECASE,
)
_SECRETS = re.compile(
    r"""\b(?:sk|rk|pk)_(?:live|test)_\w+        # a processor's keys
      | \bwhsec_\w+                            # what webhooks are sealed with
      | \bbearer\s+[^\s'",;]+                  # a program's token
      | (?<=://)[^\s/@'"]*:[^\s/@'"]+(?=@)     # name and password in an address
      | [\w.+%-]+@[\w-]+(?:\.[\w-]+)+          # where somebody gets mail
      | (?-i:\b[A-Z]{2}\d{2}(?:\ ?[A-Z0-9]{4}){2,7}(?:\ ?[A-Z0-9]{1,3})?\b)  # an IBAN
      | (?<![\w-])(?!cs_)[\w-]{40,}            # what links, sessions and programs carry: long and random
    """,
    re.IGNORECASE | re.VERBOSE,
)


def redacted(value: Any, name: str = "") -> Any:
    """The same without anything secret; `name` is what the value is called where it stands."""
    if _SECRET_NAMES.search(name):
        return BLACKED_OUT
    if isinstance(value, str):
        return _SECRETS.sub(BLACKED_OUT, value)
    if isinstance(value, dict):
        return {key: redacted(held, str(key)) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(held) for held in value]
    return value

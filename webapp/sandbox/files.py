"""Files that were uploaded, such as the evidence of a dispute: that they came, not what is in them."""

import hashlib
import json

from webapp.sandbox.account import Account
from webapp.sandbox.errors import InvalidRequest
from webapp.sandbox.specification import Json
from webapp.sandbox.store import Resource

MOST_BYTES = 5_000_000


def described(name: str, content: bytes) -> str:
    """What a form's text field can hold of a file, the same for the same file."""
    is_pdf = content.startswith(b"%PDF-")
    digest = hashlib.sha256(content).hexdigest()
    return json.dumps({"name": name, "size": len(content), "pdf": is_pdf, "sha256": digest})


def create(account: Account, params: Json) -> Resource:
    told = json.loads(params["file"])
    if not told["pdf"]:
        raise InvalidRequest("Evidence has to be a PDF file.", param="file")
    if told["size"] > MOST_BYTES:
        raise InvalidRequest("This file is too large.", param="file")
    return account.create(
        "file",
        filename=told["name"],
        purpose=params["purpose"],
        size=told["size"],
        title=None,
        type="pdf",
        url=None,
        expires_at=None,
        hidden={"sha256": told["sha256"]},
    )

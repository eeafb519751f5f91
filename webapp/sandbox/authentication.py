"""Whose secret key came with the request."""

import base64
import re

from flask import request

from webapp.sandbox.errors import Malformed, StripeError, Unauthorized
from webapp.sandbox.processor import Processor
from webapp.sandbox.specification import API_VERSION

SECRET_KEY = re.compile(r"(sk|rk)_test_\w+")


def authenticated(processor: Processor) -> str:
    """The account of the secret key; raises what Stripe answers to a wrong one."""
    key = _secret_key()
    if not key:
        raise Unauthorized(
            "You did not provide an API key. You need to provide your API key in the Authorization header, "
            "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
        )
    if not SECRET_KEY.fullmatch(key):
        raise Unauthorized(f"Invalid API Key provided: {key[:8]}{'*' * max(len(key) - 12, 4)}{key[-4:]}")
    version = request.headers.get("Stripe-Version", API_VERSION)
    if version != API_VERSION:
        raise Malformed(f"Invalid Stripe API version: {version}. This sandbox speaks {API_VERSION} only.")
    account = processor.account_of(key)
    wanted = request.headers.get("Stripe-Account", account)
    if wanted != account:
        raise StripeError(
            f"The provided key '{key[:8]}…' does not have access to account '{wanted}'.",
            status=403,
            code="account_invalid",
        )
    return account


def _secret_key() -> str:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value).decode().rstrip(":")
        except ValueError:
            return value
    return value.strip()

"""The language and number format of the organization whose pages these are."""

from flask import Flask
from flask_babel import Babel

from webapp.web.gates import organization_or_none


def init(app: Flask) -> None:
    Babel(app, locale_selector=_locale, timezone_selector=_timezone)


def _locale() -> str:
    organization = organization_or_none()
    return organization.locale if organization else "en_US"


def _timezone() -> str:
    organization = organization_or_none()
    return organization.timezone if organization else "UTC"

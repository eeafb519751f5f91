"""How templates write amounts, days and moments, and what every page knows without being told."""

from datetime import date, datetime
from functools import lru_cache
from typing import Any

from babel.dates import format_date, format_datetime
from flask import Flask, g, url_for
from markupsafe import Markup

from webapp import wiring
from webapp.core import clock, money
from webapp.domain.billing.explaining import why
from webapp.web import navigation
from webapp.web.gates import organization_or_none


def init(app: Flask) -> None:
    app.add_template_filter(money_text, "money")
    app.add_template_filter(date_text, "date")
    app.add_template_filter(moment, "datetime_local")
    app.add_template_filter(percent)
    app.add_template_filter(why)
    app.context_processor(_everywhere)


def money_text(amount: int, currency: str) -> str:
    """Minor units as people read them; a minus is a real minus sign."""
    return money.display(amount, currency, _locale()).replace("-", "−")


def date_text(day: date | None, form: str = "medium") -> str:
    return _day(day, form, _locale()) if day else ""


@lru_cache(maxsize=10_000)
def _day(day: date, form: str, locale: str) -> str:
    return format_date(day, form, locale=locale)


def moment(instant: datetime | None) -> Markup:
    """The organization's local time, with UTC in the title."""
    if instant is None:
        return Markup("")
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        instant.isoformat(),
        instant.astimezone(clock.zone("UTC")).strftime("%Y-%m-%d %H:%M:%S"),
        moment_text(instant),
    )


def moment_text(instant: datetime) -> str:
    """The organization's local time, in words alone."""
    organization = organization_or_none()
    zone = clock.zone(organization.timezone if organization else g.get("timezone", "UTC"))
    return format_datetime(instant, "medium", tzinfo=zone, locale=_locale())


def percent(share: float, digits: int = 0) -> str:
    """`0.256` as `26 %`."""
    return f"{share * 100:.{digits}f} %"


def _locale() -> str:
    organization = organization_or_none()
    return organization.locale if organization else "en_US"


def _everywhere() -> dict[str, Any]:
    organization, menu = organization_or_none(), navigation.items()
    return {
        "current_organization": organization,
        "current_access": g.get("access"),
        "words": organization.vocabulary if organization else None,
        "language": _locale().split("_")[0],
        "request_id": g.get("request_id", ""),
        "test_mode": wiring.settings().test_mode,
        "queue_works": wiring.queue_works,
        "mailbox_url": url_for("public.mailbox") if wiring.keeps_mails() else None,
        "nav": menu,
        "place": navigation.place(),
        "links": navigation.links(menu),
    }

"""The paper of letters and mails: our templates, with amounts and days as the locale writes them."""

from datetime import date
from pathlib import Path

from babel.dates import format_date
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.runtime import Context

from webapp.core import money


def open_stationery(templates: Path) -> Environment:
    """Every template is given `locale` and `currency`, which its filters `money` and `date` follow."""
    paper = Environment(
        loader=FileSystemLoader(templates),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    paper.filters["money"] = _money
    paper.filters["date"] = _date
    return paper


@pass_context
def _money(context: Context, amount: int) -> str:
    return money.display(amount, context["currency"], context["locale"]).replace("-", "−")


@pass_context
def _date(context: Context, day: date, form: str = "long") -> str:
    return format_date(day, form, locale=context["locale"])

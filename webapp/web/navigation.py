"""What stands in the menu, by role and place."""

from functools import lru_cache

from flask import g, request, url_for

Item = tuple[str, str, bool, int | None]

_NATIONAL = (
    ("Home", "national.home"),
    ("Invoices", "national.invoices"),
    ("Payments", "national.payments"),
    ("Approvals", "approvals.queue"),
    ("Credit notes", "national.credit_notes"),
    ("Billing", "national.billing_runs"),
    ("{chapters}", "national.chapters"),
    ("{members}", "national.members"),
    ("Ledger", "national.trial_balance"),
    ("Reports", "national.reports"),
    ("People", "national.people"),
    ("Settings", "national.settings"),
)
_TREASURERS = (
    ("Home", "treasurers.home"),
    ("Invoices", "treasurers.invoices"),
    ("Payments", "treasurers.payments"),
    ("Approvals", "approvals.queue"),
    ("Credit notes", "treasurers.credit_notes"),
    ("{members}", "treasurers.members"),
    ("Ledger", "treasurers.ledger"),
    ("Reports", "treasurers.reports"),
)
_MEMBERS = (
    ("Home", "members.home"),
    ("Account", "members.ledger"),
    ("Payment methods", "members.payment_methods"),
)
_BELONGS_TO = {
    "invoices": ("adjustments", "refunds", "bulk-actions", "payment-plans"),
    "payments": ("allocations", "disputes"),
    "members": ("imports", "statuses", "standing"),
    "trial_balance": (
        "journal", "closed-books", "exports", "income-statement", "balance-sheet", "account", "fiscal-years",
        "statement", "statement-mailings",
    ),
    "ledger": ("statement", "statement-mailings"),
    "reports": ("snapshots",),
    "people": ("tokens", "audit-trail"),
    "settings": (
        "dues-settings", "rates", "schedules", "periods", "approvals", "processors", "webhook-log",
        "late-fees", "reminders", "mails", "working",
    ),
}  # fmt: skip
"""What is reached from a page of the menu: by the first word of its address."""


def items() -> list[Item]:
    menu = {"national": _NATIONAL, "treasurers": _TREASURERS, "members": _MEMBERS}.get(_persona(), ())
    if "organization" not in g or "access" not in g or (_persona() == "treasurers" and "chapter" not in g):
        return []
    if _persona() == "members" and g.access.is_staff:
        menu = (*menu, ("Approvals", "approvals.queue"))
    words, here = g.organization.vocabulary, _here()
    named = [
        (label.format(chapters=words.chapters, members=words.members), endpoint, _address(endpoint, *here))
        for label, endpoint in menu
    ]
    section = request.path.removeprefix(named[0][2]).partition("/")[0] if named else ""
    return [
        (text, address, _leads_here(endpoint, address, section), None) for text, endpoint, address in named
    ]


def _leads_here(endpoint: str, address: str, section: str) -> bool:
    name = endpoint.partition(".")[2]
    if request.endpoint == endpoint or section in _BELONGS_TO.get(name, ()):
        return True
    return name != "home" and request.path.startswith(address)


def place() -> str:
    if "chapter" in g:
        return str(g.chapter.name)
    if "member" in g:
        return str(g.member.chapter.name)
    return "National office" if _persona() == "national" else ""


def links(found: list[Item]) -> dict[str, str | None]:
    """Beside the menu's items: where the page's frame leads."""
    here = _here()
    return {
        "home": found[0][1] if found else _address("public.sign_in", *here),
        "search": _address("national.search", *here) if found and _persona() == "national" else None,
        "account": _address("account.show", *here),
        "sign_out": _address("public.sign_out", *here),
    }


def _here() -> tuple[str, str, str]:
    """What addresses are completed with."""
    slug = g.organization.slug if "organization" in g else ""
    return request.root_path, slug, g.chapter.code if "chapter" in g else ""


@lru_cache(maxsize=10_000)
def _address(endpoint: str, *_: str) -> str:
    """The same on every page of a chapter, and so built once."""
    return url_for(endpoint)


def _persona() -> str:
    return g.get("persona") or request.blueprint or ""

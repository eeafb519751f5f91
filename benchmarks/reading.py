"""What pages and reports cost, in small organizations and in large ones."""

from collections.abc import Callable

from flask import Flask

from benchmarks import floors, past, world
from benchmarks.measuring import Table, best_of_each, least, spent
from benchmarks.visiting import Visitor, somebody, statements, visitor
from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.organizations import Organization, RoleName
from webapp.domain.reporting import aging

FEW, SMALL, LISTED, LARGE = 5, 500, 5_000, 50_000
"""Members; each has an invoice for twenty months."""
OF_A_CHAPTER = 20
ELSEWHERE = {"account.authenticator_app", "national.search", "national.preview_billing_run"} | {
    "national.foreseen_omissions", "national.logo_picture",
}  # fmt: skip
"""These lead on, or want to be told something first."""


def run(table: Table) -> None:
    with world.application() as app:
        few = world.organization(FEW, chapters=1)
        small, listed, large = (_organization(app, members) for members in (SMALL, LISTED, LARGE))
        _page_queries(app, few, small, table)
        _invoice_list(app, listed, table)
        _aging(app, large, table)
        _growth(app, small, large, table)


def _organization(app: Flask, members: int) -> Organization:
    """It grows by chapters: each has as many members as in a small organization."""
    made = world.organization(members, chapters=members // OF_A_CHAPTER)
    past.live_through(app, made)
    return made


def _page_queries(app: Flask, few: Organization, many: Organization, table: Table) -> None:
    past.live_through(app, few)
    asked = [_asked_by_pages(app, made) for made in (few, many)]
    unequal = [page for page in asked[1] if asked[0][page] != asked[1][page]]
    assert not unequal, f"These ask more often when there is more to show: {unequal}"
    largest = max(asked[1], key=lambda page: asked[1][page])
    table.figure(
        "page_queries",
        asked[1][largest],
        (f"the most, {largest}", f"{asked[1][largest]} statements"),
        ("of so many pages", f"{len(asked[1])}"),
    )


def _asked_by_pages(app: Flask, made: Organization) -> dict[str, int]:
    """Statements of every page that needs no id but a person's, as each role."""
    found = {}
    who = {"national": RoleName.NATIONAL_ADMIN, "treasurers": RoleName.TREASURER, "members": RoleName.MEMBER}
    who |= {"account": RoleName.NATIONAL_ADMIN}
    visitors = {persona: visitor(app, made, role) for persona, role in who.items()}
    person = somebody(made, RoleName.TREASURER)
    for rule in app.url_map.iter_rules():
        persona = rule.endpoint.partition(".")[0]
        needs = {"org", "chapter", "login_id"}
        if persona in who and "GET" in (rule.methods or ()) and rule.arguments <= needs:
            address = rule.rule.replace("<org>", made.slug).replace("<chapter>", "C0")
            address = address.replace("<uuid:login_id>", str(person.id))
            if rule.endpoint in ELSEWHERE:
                continue
            with statements() as sent:
                visitors[persona].open(address)
            found[rule.endpoint] = len(sent)
    return found


def _invoice_list(app: Flask, made: Organization, table: Table) -> None:
    treasurer = visitor(app, made, RoleName.TREASURER)
    address = f"/o/{made.slug}/chapters/C0/invoices/"
    with past.superuser(app) as connection:
        bare = floors.bare_list(app, connection, made)
        assert floors.rows_in(bare()) == floors.rows_in(treasurer.open(address)) == 50
        rounds = [(spent(_times(10, treasurer, address)), spent(_ten(bare))) for _ in range(15)]
    page, floor = map(least, zip(*rounds, strict=True))
    table.ratio(
        "invoice_list_vs_floor",
        floor.clock / page.clock,
        ("page of 50", page.clock / 10),
        ("page of 50, of a processor", page.processor / 10),
        ("bare view, same rows", floor.clock / 10),
        ("bare view, of a processor", floor.processor / 10),
    )


def _aging(app: Flask, made: Organization, table: Table) -> None:
    with past.superuser(app) as connection, tenancy.acting_for(made.id):
        floors.require_index_only(connection, made)
        report, count = best_of_each(
            lambda: aging.aging(made.today), lambda: floors.count_open(connection, made), times=9
        )
        db.session.rollback()
    table.ratio("aging_vs_count", report / count, ("aging", report), ("count by index alone", count))


def _growth(app: Flask, small: Organization, large: Organization, table: Table) -> None:
    homes = [
        _times(5, visitor(app, made, RoleName.AUDITOR), f"/o/{made.slug}/chapters/C0/")
        for made in (small, large)
    ]
    before, after = best_of_each(*homes)
    table.ratio(
        "chapter_home_growth", after / before, ("of 1,000,000", after / 5), ("of 10,000 invoices", before / 5)
    )
    for name, role, path in (
        ("statement_growth", RoleName.MEMBER, "my/account/"),
        ("statement_growth_documents", RoleName.MEMBER, "my/statement/?since=2025-01-01"),
        ("statement_growth_chapter", RoleName.TREASURER, "chapters/C0/ledger/"),
    ):
        pages = [_times(5, visitor(app, made, role), f"/o/{made.slug}/{path}") for made in (small, large)]
        before, after = best_of_each(*pages)
        table.ratio(name, after / before, ("of 1,000,000", after / 5), ("of 10,000 postings", before / 5))


def _ten(bare: Callable[[], bytes]) -> Callable[[], object]:
    return lambda: [bare() for _ in range(10)]


def _times(count: int, visitor: Visitor, address: str) -> Callable[[], object]:
    return lambda: [visitor.open(address) for _ in range(count)]

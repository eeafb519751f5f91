"""The least that could answer the same question: what the benchmarks of reading compare with."""

from collections.abc import Callable
from contextvars import Context
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask, g, render_template
from psycopg.rows import namedtuple_row
from sqlalchemy import Select
from sqlalchemy.dialects.postgresql import psycopg as dialect
from werkzeug.test import EnvironBuilder, run_wsgi_app

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.billing import search
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.bulk_actions.bulk_action import BulkKind
from webapp.domain.organizations import Chapter, Organization
from webapp.web.invoices import STATUSES

_COUNT_OPEN = "SELECT count(*) FROM invoices WHERE organization_id = %s AND owed > 0"


def count_open(connection: psycopg.Connection, made: Organization) -> object:
    return connection.execute(_COUNT_OPEN, [made.id]).fetchone()


def require_index_only(connection: psycopg.Connection, made: Organization) -> None:
    plan = "\n".join(row[0] for row in connection.execute("EXPLAIN " + _COUNT_OPEN, [made.id]))
    assert "Index Only Scan" in plan, plan


def bare_list(app: Flask, connection: psycopg.Connection, made: Organization) -> Callable[[], bytes]:
    """A Flask view with the list's own query, sent by psycopg past all policies, and the list's own template.

    No session, no roles, no gate: who is asking, the menu and the filter's choices are constants.
    """
    with tenancy.acting_for(made.id):
        chapter = Chapter.here().first(Chapter.code == "C0")
        assert chapter is not None
        query, values = _as_text(search.find(search.InvoiceFilter(chapter_id=chapter.id), made, limit=50))
        known = _constants(app, made, chapter)
        db.session.expunge(made)
        db.session.expunge(chapter)
        db.session.rollback()
    bare = _bare_app(app, made, chapter)

    @bare.get("/floor")
    def floor() -> str:
        g.organization = made
        with connection.cursor(row_factory=namedtuple_row) as cursor:
            rows = cursor.execute(query, values).fetchall()
        return render_template("shared/invoices/index.html", rows=rows[:50], after=rows[49].id, **known)

    def ask() -> bytes:
        parts, status, _ = Context().run(
            run_wsgi_app, bare, EnvironBuilder(path="/floor").get_environ(), True
        )
        assert status.startswith("200"), status
        return b"".join(parts)

    return ask


def rows_in(page: bytes) -> int:
    return page.count(b'<td class="lead">')


def _as_text(statement: Select[Any]) -> tuple[str, dict[str, Any]]:
    compiled = statement.compile(dialect=dialect.dialect())
    return str(compiled), dict(compiled.params)


def _constants(app: Flask, made: Organization, chapter: Chapter) -> dict[str, Any]:
    home = f"/o/{made.slug}/chapters/{chapter.code}"
    menu = (("Home", "/"), ("Invoices", "/invoices/"), ("Members", "/members/"), ("Ledger", "/ledger/"))
    periods = BillingPeriod.here().all(order_by=BillingPeriod.starts_on.desc())
    return {
        "persona": "treasurers",
        "today": made.today,
        "statuses": STATUSES,
        "periods": [(period.code, period.name) for period in periods],
        "chips": [],
        "bulk": BulkKind,
        "asked": {},
        "may_act": True,
        "current_organization": made,
        "current_access": None,
        "current_user": {
            "name": "Ana",
            "email": "ana@example.org",
            "shortcuts": True,
            "is_authenticated": True,
        },
        "words": made.vocabulary,
        "language": "en",
        "request_id": "",
        "test_mode": False,
        "nav": [(label, home + path, path == "/invoices/", None) for label, path in menu],
        "place": chapter.name,
        "links": {"home": home, "search": None, "account": "/account/", "sign_out": "/sign-out"},
    }


def _bare_app(app: Flask, made: Organization, chapter: Chapter) -> Flask:
    """Knows the addresses and filters that the template names, and none of the product's hooks."""
    templates = Path(app.root_path).parent / "templates"
    bare = Flask("floor", template_folder=str(templates), static_folder=app.static_folder)
    bare.jinja_options = app.jinja_options
    bare.config["SECRET_KEY"] = "floor"
    bare.jinja_env.filters.update(app.jinja_env.filters)
    bare.jinja_env.globals["csrf_token"] = lambda: "constant"
    for rule in app.url_map.iter_rules():
        if rule.endpoint != "static":
            bare.add_url_rule(rule.rule, rule.endpoint, lambda **_: "", methods=["GET"])

    @bare.url_defaults
    def _name(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint != "static":
            values.update(org=made.slug, chapter=chapter.code)

    return bare

"""Two years of an organization, written straight into its tables: what reading it costs is the same.

The triggers and foreign keys sleep meanwhile, which only a superuser may ask for.
"""

import psycopg
from flask import Flask
from psycopg import sql

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.billing import schedules
from webapp.domain.ledger import Account, Code
from webapp.domain.organizations import Organization

MONTHS = 20
_AMOUNT = 40_000

_ID = """(lpad(to_hex({since} + n), 12, '0') || '7' || substr(md5(n::text), 1, 3)
          || '8' || substr(md5(n::text), 4, 15))::uuid"""

_INVOICES = f"""
INSERT INTO invoices (organization_id, id, year, sequence, number, member_id, chapter_id, schedule_id,
    period_id, status, processing, currency, billed, chapter_part, adjusted, paid, refunded, issued_on,
    due_on, grace_ends_on, bill_to, pay_link_version)
SELECT organization_id, {_ID.format(since=1_700_000_000_000)}, 2026, n, '2026-' || lpad(n::text, 7, '0'),
    member_id, chapter_id, %(schedule)s, period_id, CASE WHEN owes THEN 'overdue' ELSE 'paid' END, false,
    'USD', {_AMOUNT}, 0, 0, CASE WHEN owes THEN 0 ELSE {_AMOUNT} END, 0, starts_on, due_on, grace_ends_on,
    '{{}}', 1
FROM (
    SELECT m.organization_id, m.id AS member_id, m.chapter_id, p.id AS period_id, p.starts_on, p.due_on,
        p.grace_ends_on, row_number() OVER (ORDER BY p.starts_on, m.number) AS n,
        abs(hashtext(m.number || p.code)) %% 10 < 3 AS owes
    FROM members m CROSS JOIN (
        SELECT * FROM billing_periods WHERE organization_id = %(organization)s
        ORDER BY starts_on LIMIT {MONTHS}
    ) p
    WHERE m.organization_id = %(organization)s
) AS one"""

_LINES = """
INSERT INTO invoice_lines (organization_id, id, invoice_id, position, kind, description, amount,
    income_account_id)
SELECT organization_id, id, id, 1, 'base_dues', 'Dues', billed, %(income)s
FROM invoices WHERE organization_id = %(organization)s"""

_ENTRIES = """
INSERT INTO journal_entries (organization_id, id, event, dated, description, source_kind, source_id,
    decision_id)
SELECT organization_id, id, 'invoice_issued', issued_on, 'Invoice ' || number, 'invoices', id, id
FROM invoices WHERE organization_id = %(organization)s"""

_POSTINGS = """
INSERT INTO postings (organization_id, id, entry_id, dated, amount, debit_account_id, credit_account_id,
    debit_chapter_id, credit_chapter_id, debit_member_id)
SELECT organization_id, id, id, issued_on, billed, %(receivable)s, %(income)s, chapter_id, chapter_id,
    member_id
FROM invoices WHERE organization_id = %(organization)s"""

_TABLES = ("members", "chapters", "invoices", "invoice_lines", "journal_entries", "postings")


def live_through(app: Flask, made: Organization) -> None:
    """An invoice for every member and month, three of ten of them owed, each with its entry in the books."""
    with tenancy.acting_for(made.id):
        accounts = {account.code: account.id for account in Account.here().all()}
        values = {
            "organization": made.id,
            "schedule": schedules.standard().id,
            "receivable": accounts[Code.RECEIVABLE],
            "income": accounts[Code.DUES_INCOME],
        }
        db.session.rollback()
    with superuser(app) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in (_INVOICES, _LINES, _ENTRIES, _POSTINGS):
            connection.execute(statement, values)
        for table in _TABLES:
            connection.execute(sql.SQL("VACUUM ANALYZE {}").format(sql.Identifier(table)))


def superuser(app: Flask) -> psycopg.Connection:
    """Past all policies, each statement by itself."""
    return psycopg.connect(app.config["SUPERUSER_URL"], autocommit=True)

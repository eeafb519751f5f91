"""The least that writes what a billing run writes, and the way it is written when nobody thinks of many."""

from datetime import date, timedelta

from sqlalchemy import text

from benchmarks import world
from webapp.core.db import db, new_id, transaction
from webapp.domain import ledger
from webapp.domain.billing import numbering, schedules
from webapp.domain.billing.invoice import Invoice, InvoiceLine, LineKind
from webapp.domain.ledger import Code, Event, Move, Side
from webapp.domain.organizations import Member, Organization

_DATED = date(2026, 11, 21)
_AMOUNT = 40_000

_ALL_AT_ONCE = text(
    """
    WITH numbers AS (
        INSERT INTO number_counters (organization_id, id, year, last)
        SELECT :organization, uuidv7(), 2026, count(*) FROM members
        WHERE organization_id = :organization
        ON CONFLICT (organization_id, year) DO UPDATE SET last = number_counters.last + excluded.last
        RETURNING last
    ), run AS (
        INSERT INTO billing_runs
            (organization_id, id, schedule_id, period_id, dated, state, batches, considered)
        VALUES (:organization, :run, :schedule, :period, :dated, 'done', 1, :members)
    ), reason AS (
        INSERT INTO price_reasons (organization_id, id, run_id, unit_amount, facts)
        VALUES (:organization, :reason, :run, :amount, '{}')
    ), decision AS (
        INSERT INTO posting_decisions
            (organization_id, id, outcome, event, source_kind, source_id, guards, entries, amount)
        VALUES (:organization, :decision, 'allowed', 'invoice_issued', 'billing_batches', :run, '{}',
            :members, CAST(:members AS bigint) * :amount)
    ), payable AS MATERIALIZED (
        SELECT m.id AS member_id, m.chapter_id, uuidv7() AS invoice_id,
            uuidv7() AS entry_id,
            (SELECT last FROM numbers) - :members + row_number() OVER (ORDER BY m.number) AS sequence,
            jsonb_build_object('name', m.first_name || ' ' || m.last_name, 'address', m.address,
                'member_number', m.number, 'status', s.label, 'chapter', c.name) AS bill_to
        FROM members m
        JOIN chapters c ON c.organization_id = m.organization_id AND c.id = m.chapter_id
        JOIN member_statuses s ON s.organization_id = m.organization_id AND s.id = m.status_id
        WHERE m.organization_id = :organization AND s.billable
    ), invoice AS (
        INSERT INTO invoices (organization_id, id, year, sequence, number, member_id, chapter_id, schedule_id,
            period_id, run_id, status, processing, currency, billed, chapter_part, adjusted, paid, refunded,
            issued_on, due_on, grace_ends_on, bill_to, pay_link_version)
        SELECT :organization, invoice_id, 2026, sequence, '2026-' || lpad(sequence::text, 6, '0'), member_id,
            chapter_id, :schedule, :period, :run, 'open', false, 'USD', :amount, 0, 0, 0, 0, :dated, :due,
            :due, bill_to, 1
        FROM payable
    ), line AS (
        INSERT INTO invoice_lines (organization_id, id, invoice_id, position, kind, description, amount,
            income_account_id, reason_id)
        SELECT :organization, uuidv7(), invoice_id, 1, 'base_dues', :title, :amount, :income, :reason
        FROM payable
    ), entry AS (
        INSERT INTO journal_entries (organization_id, id, event, dated, description, source_kind, source_id,
            decision_id)
        SELECT :organization, entry_id, 'invoice_issued', :dated, :title, 'invoices', invoice_id, :decision
        FROM payable
    ), posting AS (
        INSERT INTO postings (organization_id, id, entry_id, dated, amount, debit_account_id,
            credit_account_id, debit_chapter_id, credit_chapter_id, debit_member_id)
        SELECT :organization, uuidv7(), entry_id, :dated, :amount, :receivable, :income, chapter_id,
            chapter_id, member_id
        FROM payable
    ), member AS (
        INSERT INTO member_balances (organization_id, id, account_id, member_id, debits, credits)
        SELECT :organization, uuidv7(), :receivable, member_id, :amount, 0 FROM payable
        ON CONFLICT (organization_id, member_id, account_id)
        DO UPDATE SET debits = member_balances.debits + excluded.debits
    )
    INSERT INTO chapter_balances (organization_id, id, account_id, chapter_id, debits, credits)
    SELECT :organization, uuidv7(), account_id, chapter_id, sum(debits), sum(credits)
    FROM payable, (VALUES (CAST(:receivable AS uuid), CAST(:amount AS bigint), 0), (:income, 0, :amount))
        AS side (account_id, debits, credits)
    GROUP BY account_id, chapter_id
    ON CONFLICT (organization_id, account_id, chapter_id)
    DO UPDATE SET debits = chapter_balances.debits + excluded.debits,
        credits = chapter_balances.credits + excluded.credits
    """
)


def all_at_once(made: Organization, members: int, code: str) -> None:
    """One statement and one commit: no batches, no jobs, no progress, nobody left out, one rate."""
    accounts = ledger.account_ids()
    with transaction() as session:
        session.execute(
            _ALL_AT_ONCE,
            {
                "organization": made.id,
                "members": members,
                "run": new_id(),
                "reason": new_id(),
                "decision": new_id(),
                "schedule": schedules.standard().id,
                "period": world.period(code).id,
                "dated": _DATED,
                "due": _DATED + timedelta(days=30),
                "amount": _AMOUNT,
                "title": f"Regular dues, {code}",
                "receivable": accounts[Code.RECEIVABLE],
                "income": accounts[Code.DUES_INCOME],
            },
        )


def one_by_one(made: Organization, members: int, code: str) -> None:
    """The product's own models and its ledger, a commit for each member."""
    chosen = Member.here().select().order_by(Member.id).limit(members)
    for member in db.session.scalars(chosen).all():
        with transaction():
            _issue(made, member, code)


def _issue(made: Organization, member: Member, code: str) -> None:
    schedule, period = schedules.standard(), world.period(code)
    sequence = numbering.take(_DATED.year, 1)
    invoice = Invoice(
        year=_DATED.year,
        sequence=sequence,
        number=numbering.number_text(_DATED.year, sequence),
        member_id=member.id,
        chapter_id=member.chapter_id,
        schedule_id=schedule.id,
        period_id=period.id,
        currency=made.currency,
        billed=_AMOUNT,
        issued_on=_DATED,
        due_on=_DATED,
        grace_ends_on=_DATED,
    )
    db.session.add(invoice)
    db.session.flush()
    line = InvoiceLine(
        invoice_id=invoice.id,
        kind=LineKind.BASE_DUES,
        description=schedule.name,
        amount=_AMOUNT,
        income_account_id=ledger.account_ids()[Code.DUES_INCOME],
    )
    db.session.add(line)
    debit = Side(Code.RECEIVABLE, member.chapter_id, member.id)
    moves = [Move(_AMOUNT, debit=debit, credit=Side(Code.DUES_INCOME, member.chapter_id))]
    ledger.post(
        Event.INVOICE_ISSUED, source=invoice, moves=moves, on=_DATED, by=None, description=schedule.name
    )

"""The least that writes what one check writes: one statement, its transaction, and no questions asked."""

import json
from datetime import date
from uuid import UUID

from sqlalchemy import text

from webapp.core.db import transaction
from webapp.domain.ledger import Guard

_DAY = date(2026, 11, 21)
_GUARDS = json.dumps({guard.value: True for guard in Guard})

_SETTLE = text(
    """
    WITH settled AS (
        UPDATE invoices SET paid = paid + owed, status = 'paid'
        WHERE organization_id = :organization AND id = (
            SELECT id FROM invoices WHERE organization_id = :organization AND member_id = :member AND owed > 0
            ORDER BY due_on, id LIMIT 1 FOR UPDATE
        )
        RETURNING organization_id, id, number, member_id, chapter_id, paid, currency
    ), payment AS (
        INSERT INTO payments (organization_id, id, member_id, chapter_id, method, state, amount, currency,
            fee_state, allocated, returned, received_on, settled_at)
        SELECT organization_id, uuidv7(), member_id, chapter_id, 'check', 'succeeded', paid, currency, 'none',
            paid, 0, :day, now()
        FROM settled RETURNING *
    ), allocation AS (
        INSERT INTO allocations (organization_id, id, payment_id, invoice_id, amount, allocated_on)
        SELECT settled.organization_id, uuidv7(), payment.id, settled.id, payment.amount, :day
        FROM payment, settled
    ), decision AS (
        INSERT INTO posting_decisions (organization_id, id, outcome, event, source_kind, source_id, guards,
            entries, amount)
        SELECT organization_id, uuidv7(), 'allowed', 'payment_received', 'payments', id, :guards, 1, amount
        FROM payment RETURNING id
    ), entry AS (
        INSERT INTO journal_entries (organization_id, id, event, dated, description, source_kind, source_id,
            decision_id)
        SELECT payment.organization_id, uuidv7(), 'payment_received', :day,
            'Check payment of ' || settled.number, 'payments', payment.id, decision.id
        FROM payment, settled, decision RETURNING id
    ), side AS (
        SELECT max(id::text) FILTER (WHERE code = '1000')::uuid AS bank,
            max(id::text) FILTER (WHERE code = '1200')::uuid AS receivable
        FROM accounts WHERE organization_id = :organization
    ), posting AS (
        INSERT INTO postings (organization_id, id, entry_id, dated, amount, debit_account_id,
            credit_account_id, debit_chapter_id, credit_chapter_id, credit_member_id)
        SELECT payment.organization_id, uuidv7(), entry.id, :day, payment.amount, side.bank, side.receivable,
            payment.chapter_id, payment.chapter_id, payment.member_id
        FROM payment, entry, side
    ), audit AS (
        INSERT INTO audit_entries (organization_id, id, by_name, action, subject_kind, subject_id, after)
        SELECT organization_id, uuidv7(), 'Duesbook', 'record_payment', 'payments', id,
            jsonb_build_object('amount', amount, 'method', 'check')
        FROM payment
    ), promise AS (
        INSERT INTO outbox (organization_id, id, name, queue, arguments, state, attempts, dedupe_key)
        SELECT organization_id, uuidv7(), 'announce', 'mail',
            jsonb_build_object('what', 'payment_received', 'payment_id', id), 'queued', 0,
            'payment_received:' || id
        FROM payment
    ), member AS (
        INSERT INTO member_balances (organization_id, id, account_id, member_id, debits, credits)
        SELECT payment.organization_id, uuidv7(), side.receivable, payment.member_id, 0, payment.amount
        FROM payment, side
        ON CONFLICT (organization_id, member_id, account_id)
        DO UPDATE SET credits = member_balances.credits + excluded.credits
    )
    INSERT INTO chapter_balances (organization_id, id, account_id, chapter_id, debits, credits)
    SELECT payment.organization_id, uuidv7(), moved.account, payment.chapter_id, moved.debit, moved.credit
    FROM payment, side, LATERAL (VALUES (side.bank, payment.amount, 0), (side.receivable, 0, payment.amount))
        AS moved (account, debit, credit)
    ORDER BY moved.account
    ON CONFLICT (organization_id, account_id, chapter_id)
    DO UPDATE SET debits = chapter_balances.debits + excluded.debits,
        credits = chapter_balances.credits + excluded.credits
    """
)


def settle(organization_id: UUID, member_id: UUID) -> None:
    """All of the member's oldest open invoice, by a check."""
    with transaction() as session:
        session.execute(
            _SETTLE, {"organization": organization_id, "member": member_id, "day": _DAY, "guards": _GUARDS}
        )

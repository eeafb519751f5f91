"""Every blueprint and URL prefix on one screen."""

from importlib import import_module

from flask import Flask

from webapp.web import closed_books, gates
from webapp.web.account import account
from webapp.web.api import api
from webapp.web.api.reference import reference
from webapp.web.approvals import approvals
from webapp.web.health import health
from webapp.web.members import members
from webapp.web.metrics import metrics
from webapp.web.national import national
from webapp.web.own import own
from webapp.web.policy_reports import policy_reports
from webapp.web.public import public, visitors
from webapp.web.treasurers import treasurers
from webapp.web.webhooks import webhooks

RESOURCES: dict[str, list[str]] = {
    "public": [
        "sign_in",
        "second_factor",
        "passkeys",
        "sign_in_links",
        "invitations",
        "password_reset",
        "pay",
        "new_link",
        "invoice_pdf",
        "good_standing",
        "mailbox",
    ],
    "account": [
        "profile",
        "sessions",
        "second_factor",
        "authenticator_app",
        "passkeys",
    ],
    "members": [
        "home",
        "invoices",
        "hardship",
        "pay",
        "ledger",
        "statements",
        "invoice_pdf",
        "credit_notes",
        "good_standing",
        "payment_plans",
        "payment_methods",
    ],
    "treasurers": [
        "home",
        "members",
        "good_standing",
        "member_mail",
        "imports",
        "invoices",
        "bulk_actions",
        "payments",
        "recording",
        "reversals",
        "receipt_batches",
        "adjustments",
        "ledger",
        "reports",
        "aging",
        "aging_trend",
        "collections",
        "statements",
        "invoice_pdf",
        "pay_links",
        "refunds",
        "failed_refunds",
        "disputes",
        "credit_notes",
        "payment_plans",
        "late_fees",
        "reminders",
        "snapshots",
        "chapter_health",
    ],
    "approvals": [
        "queue",
        "request",
        "decisions",
        "answers",
        "together",
    ],
    "own": [
        "drafts",
        "saved_views",
    ],
    "national": [
        "home",
        "chapters",
        "members",
        "good_standing",
        "member_mail",
        "statuses",
        "imports",
        "organization_settings",
        "search",
        "working",
        "settings",
        "invoices",
        "bulk_actions",
        "adjustments",
        "people",
        "second_factor_resets",
        "tokens",
        "audit_trail",
        "seals",
        "payments",
        "recording",
        "reversals",
        "receipt_batches",
        "processors",
        "disconnections",
        "webhook_log",
        "journal",
        "closed_books",
        "trial_balance",
        "income_statement",
        "balance_sheet",
        "account",
        "fiscal_years",
        "snapshots",
        "reports",
        "aging",
        "chapter_health",
        "aging_trend",
        "collections",
        "statements",
        "exports",
        "invoice_pdf",
        "pay_links",
        "mails",
        "late_fees",
        "reminders",
        "reminder_steps",
        "reminder_texts",
        "dues_settings",
        "rates",
        "periods",
        "period_changes",
        "schedules",
        "billing_previews",
        "billing_runs",
        "billing_omissions",
        "letters",
        "refunds",
        "failed_refunds",
        "approval_policy",
        "approval_delegations",
        "disputes",
        "credit_notes",
        "payment_plans",
    ],
    "api": [
        "organizations",
        "processors",
        "invoices",
        "bulk_actions",
        "adjustments",
        "people",
        "good_standing",
        "statuses",
        "dues",
        "schedules",
        "billing_runs",
        "late_fees",
        "reminder_sequence",
        "payments",
        "receipt_batches",
        "refunds",
        "disputes",
        "credit_notes",
        "payment_plans",
        "books",
        "financial_statements",
        "fiscal_years",
        "snapshots",
        "chapter_health",
        "collections",
        "statements",
        "closed_books",
        "roster_imports",
        "audit_trail",
        "approvals",
        "approval_policy",
    ],
}

BLUEPRINTS = [
    public,
    visitors,
    account,
    members,
    treasurers,
    approvals,
    own,
    national,
    webhooks,
    api,
    reference,
    health,
    metrics,
    policy_reports,
]


def init(app: Flask) -> None:
    for persona, names in RESOURCES.items():
        for name in names:
            import_module(f"webapp.web.{persona}.{name}")
    closed_books.init(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.teardown_request(gates.leave)

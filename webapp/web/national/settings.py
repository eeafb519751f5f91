"""Everything that can be set, on one page."""

from flask import current_app, render_template

from webapp.web.national import national

GROUPS = (
    (
        "What is charged",
        (
            (
                "Dues settings",
                "national.dues_settings",
                "How often, how much, due when, late fees, reminders",
            ),
            ("Rates", "national.rates", "What each status pays, from when to when"),
            ("Billing periods", "national.periods", "Semesters, quarters, months; open and closed ones"),
            ("Schedules", "national.schedules", "Regular dues and special assessments"),
        ),
    ),
    (
        "People",
        (
            ("People and roles", "national.people", "Who may sign in, and what each may do"),
            ("Statuses", "national.statuses", "Which statuses there are, and which are billed"),
            ("Imports", "national.imports", "Bring members in from a file"),
            ("API tokens", "national.tokens", "Keys for programs"),
            (
                "Approval limits",
                "national.approval_policy",
                "What needs a second person, and whom",
            ),
            (
                "Who decides in whose place",
                "national.approval_delegations",
                "Approvals while a national admin is away",
            ),
        ),
    ),
    (
        "Money and mail",
        (
            ("Payment processors", "national.processors", "Where payments by card and bank account go"),
            ("Webhook log", "national.webhook_log", "What the processor told us"),
            ("Late fees", "national.late_fees", "Whom tomorrow charges, and what was charged"),
            ("Reminders", "national.reminders", "Who gets what tomorrow"),
            ("Reminder texts", "national.reminder_steps", "When members are reminded, and in which words"),
            ("Mails", "national.mails", "What was sent to whom, and what came back"),
        ),
    ),
    (
        "The organization",
        (
            (
                "Name, words and letterhead",
                "national.organization_settings",
                "Address, logo, time zone, language",
            ),
            ("Audit trail", "national.audit_trail", "Who did what, when and from where"),
            ("Is it working?", "national.working", "What runs in the background"),
        ),
    ),
)


@national.get("/settings")
def settings() -> str:
    there = current_app.view_functions
    groups = [(title, [one for one in links if one[1] in there]) for title, links in GROUPS]
    return render_template("shared/directory.html", title="Settings", groups=groups)

"""All reports on one page, each with what it answers."""

from collections.abc import Iterator

from flask import current_app, render_template

from webapp.web.gates import current_organization

_GROUPS = (
    (
        "What is owed",
        (
            ("Aging", "aging", "What is owed on any day, by how long it has been due"),
            ("Aging trend", "aging_trend", "The same at the ends of the last twelve months"),
            (
                "Snapshots",
                "snapshots",
                "What was owed on days that are written down, and two of them compared",
            ),
            ("Statement", "statement", "Everything that changed what is owed, with the balance after it"),
        ),
    ),
    (
        "What comes in",
        (
            (
                "Collections",
                "collections",
                "How much of what was billed came in: by fiscal year, period, {chapter}, {pledge_class}",
            ),
            (
                "{Chapter} health",
                "chapter_health",
                "A score from 0 to 100 for every {chapter}, with what makes it",
            ),
            ("Payment plans", "payment_plans", "Which are followed, late, or wait for an answer"),
        ),
    ),
    (
        "{members}",
        (("Good standing", "good_standing", "Who is in good standing on any day, and why not"),),
    ),
    (
        "The books",
        (
            ("Income statement", "income_statement", "What was earned and spent, against the year before"),
            ("Balance sheet", "balance_sheet", "What there is, what is owed, and what is left"),
            ("Trial balance", "trial_balance", "Every account's balance at the end of a day"),
            ("Ledger", "ledger", "Every account of the {chapter}, entry by entry"),
        ),
    ),
)
_Link = tuple[str, str, str]


def index(persona: str) -> str:
    return render_template("shared/directory.html", title="Reports", groups=list(_offered(persona)))


def _offered(persona: str) -> Iterator[tuple[str, list[_Link]]]:
    """What this kind of person has of them, in the organization's words."""
    words = current_organization.vocabulary
    spoken = {
        "Chapter": words.chapter,
        "chapter": words.chapter.lower(),
        "pledge_class": words.pledge_class.lower(),
        "members": words.members,
    }
    for title, reports in _GROUPS:
        links = [
            (label.format(**spoken), f"{persona}.{name}", hint.format(**spoken))
            for label, name, hint in reports
            if f"{persona}.{name}" in current_app.view_functions
        ]
        if links:
            yield title.format(**spoken), links

"""A run's letters to members without an email address: one file to print, made in the background."""

from uuid import UUID

from flask_login import current_user
from werkzeug.wrappers import Response

from webapp import wiring
from webapp.core.db import transaction
from webapp.core.errors import NotFound
from webapp.domain.billing.run import BillingRun
from webapp.domain.notifications import paper
from webapp.web.forms import Form
from webapp.web.htmx import respond, see_other
from webapp.web.invoices import as_file
from webapp.web.national import national
from webapp.web.request_keys import acts_once


@national.get("/billing-runs/<uuid:run_id>/letters")
def letters(run_id: UUID) -> Response:
    run = BillingRun.open(run_id)
    return respond(
        "national/letters/index.html",
        "national/letters/_printing.html",
        run=run,
        on_paper=paper.addressed_on_paper(run),
        printing=paper.printing(run),
        form=Form(formdata=None),
    )


@national.post("/billing-runs/<uuid:run_id>/letters")
@acts_once
def create_letters(run_id: UUID) -> Response:
    with transaction():
        paper.ask(BillingRun.here().get(run_id, lock=True), by=current_user)
    return see_other("national.letters", run_id=run_id)


@national.get("/billing-runs/<uuid:run_id>/letters.pdf")
def letters_file(run_id: UUID) -> Response:
    run = BillingRun.open(run_id)
    if not paper.printing(run).is_done:
        raise NotFound("These letters are not drawn yet.")
    return as_file(wiring.bind(paper.drawings(run)), f"letters-{run.period.code}.pdf")

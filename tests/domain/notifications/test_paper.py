"""Members without an email address get their invoices on paper: one file, in the order of names."""

import io
from collections.abc import Callable
from typing import Any

import pypdf
import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.jobs import JobRunner
from webapp.core.db import transaction
from webapp.core.errors import Conflict
from webapp.core.jobs import JobState, OutboxJob
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.run import BillingRun
from webapp.domain.notifications import paper
from webapp.domain.notifications.paper import LetterStack
from webapp.domain.organizations import Login, Member, Organization
from webapp.wiring import bind

NAMES = ["Young", "Adams", "Moss", "Baker", "Zuse"]


@pytest.fixture
def admin(organization: Organization) -> Login:
    return factories.make_admin()


@pytest.fixture
def run(admin: Login) -> BillingRun:
    """Five members without an address, and one with."""
    chapter, status = factories.make_chapter(), factories.make_status()
    for name in NAMES:
        factories.make_member(chapter, status, last_name=name, email=None)
    factories.make_member(chapter, status, last_name="Mailed")
    return factories.bill(factories.make_period(), factories.make_schedule(), by=admin)


def ask(run: BillingRun, admin: Login) -> int:
    with transaction():
        return paper.ask(BillingRun.here().get(run.id, lock=True), by=admin)


def invoice_of(last_name: str) -> Invoice:
    member = Member.here().first(Member.last_name == last_name)
    assert member is not None
    found = Invoice.here().first(Invoice.member_id == member.id)
    assert found is not None
    return found


def names_in(file: bytes) -> list[str]:
    texts = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(file)).pages]
    return [name for text in texts for name in [*NAMES, "Mailed"] if name in text]


def test_one_file_holds_every_letter_in_the_order_of_names(
    run: BillingRun,
    admin: Login,
    client: FlaskClient,
    sign_in: Callable[..., Any],
    jobs: JobRunner,
) -> None:
    sign_in(client, admin)
    here = f"/o/{run_slug(run)}/national/billing-runs/{run.id}"
    assert "5 invoices go to people" in client.get(f"{here}/").text
    assert client.get(f"{here}/letters.pdf").status_code == 404
    assert client.post(f"{here}/letters", data={"form_key": "twice"}).status_code == 303
    assert client.post(f"{here}/letters", data={"form_key": "twice"}).status_code == 303
    page = client.get(f"{here}/letters").text
    assert "0 of 5" in page and 'hx-trigger="every 2s"' in page
    jobs.run_all()
    assert "5 letters in one PDF" in client.get(f"{here}/letters").text
    file = client.get(f"{here}/letters.pdf")
    assert file.mimetype == "application/pdf"
    assert names_in(file.data) == sorted(NAMES)


def run_slug(run: BillingRun) -> str:
    with transaction() as session:
        return session.get_one(Organization, run.organization_id).slug


def test_many_letters_are_drawn_in_stacks_and_keep_their_order(
    run: BillingRun, admin: Login, jobs: JobRunner
) -> None:
    with transaction():
        paper.ask(BillingRun.here().get(run.id, lock=True), by=admin, most_letters=2)
    assert len(jobs.named("draw_letters")) == 3
    jobs.run_all()
    drawn = list(paper.drawings(BillingRun.open(run.id)))
    assert [names_in(one) for one in drawn] == [["Adams", "Baker"], ["Moss", "Young"], ["Zuse"]]
    assert names_in(bind(drawn)) == sorted(NAMES)


@pytest.mark.case("F31")
def test_long_letters_make_smaller_stacks() -> None:
    rows = [(number, lines) for number, lines in enumerate([200, 200, 1, 9_999, 1, 1])]
    stacks = [[int(one) for one in stack] for stack in paper.in_stacks(rows)]
    assert stacks == [[0, 1], [2, 3, 4, 5]]


def test_asking_while_they_are_drawn_changes_nothing_and_asking_later_draws_them_anew(
    run: BillingRun, admin: Login, jobs: JobRunner
) -> None:
    assert ask(run, admin) == 5
    assert ask(run, admin) == 0
    jobs.run_all()
    with transaction():
        invoice_of("Moss").void(by=admin, reason="Billed by mistake", on=run.dated)
    assert ask(run, admin) == 4
    jobs.run_all()
    found = BillingRun.open(run.id)
    assert paper.printing(found).is_done
    [drawn] = paper.drawings(found)
    assert names_in(drawn) == ["Adams", "Baker", "Young", "Zuse"]


def test_what_is_voided_before_it_is_drawn_is_left_out(
    run: BillingRun, admin: Login, jobs: JobRunner
) -> None:
    ask(run, admin)
    with transaction():
        invoice_of("Zuse").void(by=admin, reason="Billed by mistake", on=run.dated)
    jobs.run_all()
    [drawn] = paper.drawings(BillingRun.open(run.id))
    assert "Zuse" not in names_in(drawn)


def test_a_stack_that_was_given_up_is_said_and_can_be_asked_for_again(
    run: BillingRun, admin: Login, jobs: JobRunner
) -> None:
    ask(run, admin)
    with transaction():
        for job in OutboxJob.here().all(OutboxJob.name == "draw_letters"):
            job.state = JobState.DEAD
    assert paper.printing(BillingRun.open(run.id)).given_up
    assert ask(run, admin) == 5
    jobs.run_all()
    assert paper.printing(BillingRun.open(run.id)).is_done


def test_the_job_done_twice_draws_once(run: BillingRun, admin: Login, jobs: JobRunner) -> None:
    ask(run, admin)
    jobs.run_all()
    [stack] = LetterStack.here().all()
    first = stack.drawn_at
    with transaction():
        for job in OutboxJob.here().all(OutboxJob.name == "draw_letters"):
            job.state = JobState.QUEUED
    jobs.run_all()
    [again] = LetterStack.here().all()
    assert again.drawn_at == first


def test_a_run_that_mails_everybody_has_nothing_to_print(admin: Login) -> None:
    factories.make_member(factories.make_chapter(), factories.make_status())
    run = factories.bill(factories.make_period(), factories.make_schedule(), by=admin)
    with pytest.raises(Conflict, match="nothing to print"):
        ask(run, admin)


def test_a_runs_page_leads_to_its_own_invoices(
    run: BillingRun, admin: Login, client: FlaskClient, sign_in: Callable[..., Any]
) -> None:
    sign_in(client, admin)
    other = factories.make_invoice()
    here = f"/o/{run_slug(run)}/national"
    listed = f"{here}/invoices/?run={run.id}"
    assert listed in client.get(f"{here}/billing-runs/{run.id}/").text
    page = client.get(listed).text
    assert invoice_of("Adams").number in page and other.number not in page
    assert "one billing run" in page and f'name="run" value="{run.id}"' in page

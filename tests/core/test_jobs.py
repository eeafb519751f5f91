import pytest
from sqlalchemy import func, update

from tests.jobs import JobRunner, Silence
from webapp.adapters.rq_dispatcher import RqDispatcher
from webapp.core import jobs as core_jobs
from webapp.core import leases, tenancy
from webapp.core.db import db, transaction
from webapp.core.jobs import Job, JobState, OutboxJob, later
from webapp.core.leases import LeaseLost
from webapp.domain.organizations import Organization
from webapp.workers import schedule


def only_job() -> OutboxJob:
    row = OutboxJob.here().all()
    assert len(row) == 1
    return row[0]


def test_a_job_promised_in_a_transaction_that_fails_is_never_sent(organization: Organization) -> None:
    sent = Recorder()
    core_jobs.deliver_through(sent)
    with pytest.raises(RuntimeError), transaction():
        later(Job.DAILY, day="2026-11-21")
        raise RuntimeError
    assert sent.nudges == []
    assert OutboxJob.here().all() == []


def test_a_promised_job_is_sent_after_the_commit_with_ids_only(organization: Organization) -> None:
    sent = Recorder()
    core_jobs.deliver_through(sent)
    with transaction():
        later(Job.DAILY, day="2026-11-21")
        assert sent.nudges == []
    assert [nudge.job_id for nudge in sent.nudges] == [only_job().id]


def test_the_same_promise_is_made_once(organization: Organization) -> None:
    for _ in range(2):
        with transaction():
            later(Job.DAILY, once="2026-11-21", day="2026-11-21")
    assert only_job().dedupe_key == "2026-11-21"


@pytest.mark.case("F4")
def test_whoever_lost_the_lease_adds_no_second_effect(organization: Organization) -> None:
    with transaction():
        later(Job.DAILY, day="2026-11-21")
    job_id = only_job().id
    with transaction():
        first = leases.take_lease(organization.id, job_id)
    assert first is not None
    with transaction():
        assert leases.take_lease(organization.id, job_id) is None
    with transaction():
        db.session.execute(
            update(OutboxJob).values(lease_expires_at=func.now() - func.make_interval(0, 0, 0, 1))
        )
    with transaction():
        second = leases.take_lease(organization.id, job_id)
    assert second is not None
    with leases.under(first[0]), pytest.raises(LeaseLost), transaction():
        pytest.fail("the orphan got in")
    with leases.under(second[0]), transaction():
        pass
    with transaction():
        leases.finish(second[0])
    assert only_job().state is JobState.DONE


def test_a_failing_job_is_put_off_again_and_again_and_at_last_given_up_visibly(
    organization: Organization, jobs: JobRunner
) -> None:
    with transaction():
        later(Job.REACT_TO_EVENT, event_id="00000000-0000-0000-0000-000000000000")
    for _ in range(Job.REACT_TO_EVENT.work.attempts):
        assert jobs.run_all() == 1
        jobs.skip_pauses()
    row = only_job()
    assert row.state is JobState.DEAD
    assert row.last_error
    with transaction():
        leases.revive(OutboxJob.here().get(row.id, lock=True))
    assert only_job().state is JobState.QUEUED


def test_a_job_of_another_version_is_given_up_in_words_and_keeps_no_other_from_being_sent(
    organization: Organization, jobs: JobRunner
) -> None:
    known = "daily"
    with transaction() as session:
        for name in ("fold_paper_planes", known):
            session.add(OutboxJob(name=name, queue="bulk", arguments={"day": "2026-11-21"}))
    sent = Recorder()
    db.session.rollback()
    schedule.sweep(sent)
    assert sorted(nudge.work.name for nudge in sent.nudges) == [known, "fold_paper_planes"]
    for _ in range(Job.DAILY.work.attempts):
        jobs.run_all()
        jobs.skip_pauses()
    given_up = OutboxJob.here().first(OutboxJob.name == "fold_paper_planes")
    assert given_up is not None
    assert given_up.state is JobState.DEAD
    assert "does not know this job" in str(given_up.last_error)
    with transaction():
        leases.revive(OutboxJob.here().get(given_up.id, lock=True))


@pytest.mark.case("F5")
def test_what_redis_forgot_the_sweeper_sends_again(organization: Organization) -> None:
    core_jobs.deliver_through(Silence())
    with transaction():
        later(Job.DAILY, day="2026-11-21")
    db.session.rollback()
    sent = Recorder()
    with tenancy.acting_for(organization.id):
        assert schedule.sweep(sent) == 1
    assert [nudge.job_id for nudge in sent.nudges] == [only_job().id]
    assert schedule.sweep(sent) == 0, "it was sent a moment ago"


@pytest.mark.case("F5", "F6")
def test_what_could_not_be_sent_is_not_waited_for(organization: Organization) -> None:
    core_jobs.deliver_through(Silence())
    with transaction():
        later(Job.DAILY, day="2026-11-21")
    db.session.rollback()
    away, back = RqDispatcher("redis://127.0.0.1:1/0"), Recorder()
    assert schedule.sweep(away) == 0
    assert schedule.sweep(back) == 1


class Recorder:
    def __init__(self) -> None:
        self.nudges: list[core_jobs.Nudge] = []

    def nudge(self, nudges: list[core_jobs.Nudge]) -> bool:
        self.nudges.extend(nudges)
        return True

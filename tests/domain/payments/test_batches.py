"""A stack of checks or a payroll file, from the first line to the books."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests import factories
from tests.jobs import JobRunner
from tests.processor import fresh, make_owed
from tests.statements import statements
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.core.errors import Conflict, Invalid
from webapp.domain import ledger
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.ledger import Code, Event, JournalEntry
from webapp.domain.notifications.delivery import Mail, MailKind
from webapp.domain.organizations import Chapter, Login, Member, MemberStatus, Organization
from webapp.domain.organizations.roster_file import Unreadable
from webapp.domain.payments import batch_files, batch_lines, batch_posting, batches
from webapp.domain.payments.batch_files import SameFile, Taken
from webapp.domain.payments.batch_lines import Typed
from webapp.domain.payments.batch_posting import NeedsASecondLook, PostedAlready
from webapp.domain.payments.batches import ReceiptBatch, ReceiptBatchState, ReceiptLine, Slip
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Allocation, Method, Payment

DAY = date(2026, 9, 1)
Row = tuple[str, str, str]


@pytest.fixture
def chapter(organization: Organization) -> Chapter:
    return factories.make_chapter()


@pytest.fixture
def status(organization: Organization) -> MemberStatus:
    return factories.make_status()


@pytest.fixture
def ada(chapter: Chapter, status: MemberStatus) -> Member:
    return factories.make_member(
        chapter, status, number="N1", first_name="Ada", last_name="Byron", email="Ada@example.org"
    )


@pytest.fixture
def bob(chapter: Chapter, status: MemberStatus) -> Member:
    return factories.make_member(chapter, status, number="N2", first_name="Bob", last_name="Meyer")


@pytest.fixture
def treasurer(organization: Organization) -> Login:
    return factories.make_login()


Open = Callable[..., ReceiptBatch]


@pytest.fixture
def opened(chapter: Chapter, treasurer: Login) -> Open:
    """A batch of checks whose slip says what its rows come to, unless told otherwise."""

    def open_(rows: Sequence[Row] = (), **slip: Any) -> ReceiptBatch:
        said = {"method": Method.CHECK, "deposited_on": DAY, "reference": "D-17"} | slip
        with transaction():
            batch = batches.open_batch(Slip(**said), chapter=chapter, by=treasurer)
        return write(batch, rows) if rows else batch

    return open_


def write(batch: ReceiptBatch, rows: Sequence[Row], *, first: int = 1) -> ReceiptBatch:
    typed = [Typed(first + i, who, amount, reference) for i, (who, amount, reference) in enumerate(rows)]
    with transaction():
        found = batches.find(batch.id, lock=True)
        batch_lines.write(found, typed, own())
    return stands(batch)


def own() -> Organization:
    return db.session.get_one(Organization, tenancy.organization_id())


def stands(batch: ReceiptBatch) -> ReceiptBatch:
    found: ReceiptBatch = fresh(ReceiptBatch, batch.id)
    return found


def lines(batch: ReceiptBatch) -> Sequence[ReceiptLine]:
    db.session.rollback()
    return ReceiptLine.here().all(ReceiptLine.batch_id == batch.id, order_by=ReceiptLine.position)


def post(batch: ReceiptBatch, by: Login, *, sure: bool = False) -> ReceiptBatch:
    with transaction():
        found = batches.find(batch.id, lock=True)
        batch_posting.post(found, by=by, version=found.version, sure=sure, organization=own())
    return stands(batch)


def add_file(batch: ReceiptBatch, content: bytes) -> Taken:
    with transaction():
        found = batches.find(batch.id, lock=True)
        return batch_files.add_file(found, "checks.csv", content, own())


def bank(chapter: Chapter) -> int:
    return ledger.chapter_balance(chapter.id, Code.BANK)


def test_a_stack_is_posted_together_each_with_an_entry_of_its_own(
    opened: Open, chapter: Chapter, ada: Member, bob: Member, treasurer: Login
) -> None:
    first, second = make_owed(ada, 10_000), make_owed(bob, 20_000)
    batch = opened([("N1", "100.00", "1001"), ("N2", "150", "1002")], count=2, total=25_000)
    assert post(batch, treasurer).state is ReceiptBatchState.POSTED
    assert fresh(Invoice, first.id).status is InvoiceStatus.PAID
    assert (fresh(Invoice, second.id).status, fresh(Invoice, second.id).owed) == (
        InvoiceStatus.PARTIAL,
        5_000,
    )
    payments = Payment.here().all(order_by=Payment.reference)
    assert [(one.amount, one.reference, one.received_on, one.method) for one in payments] == [
        (10_000, "1001", DAY, Method.CHECK),
        (15_000, "1002", DAY, Method.CHECK),
    ]
    entries = JournalEntry.here().all(JournalEntry.event == Event.PAYMENT_RECEIVED)
    assert {entry.source_id for entry in entries} == {one.id for one in payments}
    assert {(entry.dated, "deposit D-17" in entry.description) for entry in entries} == {(DAY, True)}
    assert bank(chapter) == 25_000


def test_a_stack_says_the_same_as_one_by_one(
    opened: Open, chapter: Chapter, status: MemberStatus, ada: Member, bob: Member, treasurer: Login
) -> None:
    """Two checks of one member, one of which is too much, and one who owes to a chapter of before."""
    make_owed(ada, 10_000, due_on=date(2099, 1, 1)), make_owed(ada, 20_000, due_on=date(2025, 10, 1))
    make_owed(bob, 5_000)
    moved = factories.make_member(factories.make_chapter("BET", "Beta"), status, number="N3")
    elsewhere = make_owed(moved, 7_000)
    with transaction():
        Member.here().get(moved.id).chapter_id = chapter.id
    rows = [("N1", "250", "1"), ("N1", "50", "2"), ("N2", "60", "3"), ("N3", "70", "4")]
    assert post(opened(rows, count=4, total=43_000), treasurer).posted_at is not None
    stood = {one.reference: (one.allocated, one.chapter_id) for one in Payment.here().all()}
    assert stood == {
        "1": (25_000, chapter.id),
        "2": (5_000, chapter.id),
        "3": (5_000, chapter.id),
        "4": (7_000, elsewhere.chapter_id),
    }
    owing = {invoice.owed for invoice in Invoice.here().all()}
    assert owing == {0}
    assert sum(one.amount for one in Allocation.here().all()) == 42_000


def test_a_long_stack_takes_as_many_statements_as_a_short_one(
    opened: Open, chapter: Chapter, status: MemberStatus, treasurer: Login
) -> None:
    sent = []
    for number in (3, 30):
        rows = []
        for place in range(number):
            member = factories.make_member(chapter, status, number=f"S{number}-{place}")
            make_owed(member, 1_000)
            rows.append((member.number, "10", str(place)))
        batch = opened(rows, count=number, total=number * 1_000)
        with statements() as asked:
            post(batch, treasurer)
        sent.append(len(asked))
    assert sent[0] == sent[1]
    assert {invoice.owed for invoice in Invoice.here().all()} == {0}


@pytest.mark.parametrize(
    ("who", "meant"),
    [
        ("N1", "N1"), ("n1", "N1"), ("ada@EXAMPLE.org", "N1"), ("Ada Byron", "N1"), ("byron, ada", "N1"),
        (" Ada   Byron ", "N1"), ("Ada", None), ("Byron", None), ("N9", None), ("", None), ("Kim Lee", None),
    ],
)  # fmt: skip
def test_members_are_found_by_number_then_address_then_exact_name(
    opened: Open, chapter: Chapter, status: MemberStatus, ada: Member, who: str, meant: str | None
) -> None:
    for number in ("N7", "N8"):
        factories.make_member(chapter, status, number=number, first_name="Kim", last_name="Lee")
    [line] = lines(opened([(who, "1", "")]))
    assert line.member_id == (ada.id if meant else None)
    assert (line.problem is None) == (meant is not None)


def test_members_of_another_chapter_are_not_found_by_a_treasurer(
    opened: Open, status: MemberStatus, ada: Member
) -> None:
    elsewhere = factories.make_chapter("BET", "Beta")
    factories.make_member(elsewhere, status, number="B1", first_name="Ada", last_name="Byron")
    named, numbered = lines(opened([("Ada Byron", "1", ""), ("B1", "1", "")]))
    assert named.member_id == ada.id
    assert numbered.problem == "Nobody here has this number, address or name."


def test_who_can_not_be_told_is_chosen(
    opened: Open, chapter: Chapter, status: MemberStatus, ada: Member
) -> None:
    twin = factories.make_member(chapter, status, number="N9", first_name="Ada", last_name="Byron")
    batch = opened([("Ada Byron", "10", "")])
    [line] = lines(batch)
    assert line.problem == "2 members are meant by “Ada Byron”: N1, N9."
    offered = batch_lines.suggestions(batch, [line])[1]
    assert {member.id for member in offered} == {ada.id, twin.id}
    with transaction():
        found = batches.find(batch.id, lock=True)
        batch_lines.write(found, [Typed(1, "Ada Byron", "10", "", chosen=twin.id)], own())
    [line] = lines(batch)
    assert (line.member_id, line.who, line.problem) == (twin.id, "N9", None)


def test_nothing_that_was_typed_is_lost(opened: Open, ada: Member) -> None:
    batch = opened([("Nobody", "ten", "1001"), ("N1", "", "x"), ("", "", ""), ("N1", "5", "")])
    assert [(line.position, line.who, line.amount_text, line.reference) for line in lines(batch)] == [
        (1, "Nobody", "ten", "1001"),
        (2, "N1", "", "x"),
        (4, "N1", "5", ""),
    ]


def test_an_emptied_row_is_gone(opened: Open, ada: Member) -> None:
    batch = opened([("N1", "5", "1"), ("N1", "6", "2")])
    write(batch, [("", " ", "")])
    assert [line.position for line in lines(batch)] == [2]


@pytest.mark.parametrize(
    ("slip", "sentence"),
    [
        ({"count": 2, "total": 1_500}, "The slip says $15.00 and the lines come to $14.00: $1.00 missing."),
        ({"count": 2, "total": 1_300}, "The slip says $13.00 and the lines come to $14.00: $1.00 too much."),
        ({"count": 3, "total": 1_400}, "The slip says 3 and there are 2 lines."),
        ({}, "Enter how many there are and what they come to by the deposit slip."),
        ({"count": 2, "total": 1_400, "reference": " "}, "Enter the reference of the deposit."),
        (
            {"count": 2, "total": 1_400, "deposited_on": date.today() + timedelta(days=3)},
            "The day of the deposit is still to come.",
        ),
    ],
)
def test_a_batch_is_posted_only_when_it_is_what_the_slip_says(
    opened: Open, ada: Member, bob: Member, treasurer: Login, slip: dict[str, Any], sentence: str
) -> None:
    batch = opened([("N1", "10", ""), ("N2", "4", "")], **slip)
    with pytest.raises(Invalid) as refused:
        post(batch, treasurer)
    assert refused.value.message == sentence
    assert Payment.here().all() == []


def test_a_line_with_a_problem_keeps_the_whole_batch_back(
    opened: Open, ada: Member, treasurer: Login
) -> None:
    batch = opened([("N1", "10", ""), ("N4", "4", "")], count=2, total=1_000)
    with pytest.raises(Invalid, match="1 line has a problem"):
        post(batch, treasurer)


@pytest.mark.case("F13")
def test_posting_again_does_nothing(opened: Open, ada: Member, treasurer: Login) -> None:
    batch = opened([("N1", "10", "")], count=1, total=1_000)
    post(batch, treasurer)
    with pytest.raises(PostedAlready):
        post(batch, treasurer)
    assert len(Payment.here().all()) == 1


def test_a_posted_batch_is_not_changed(opened: Open, ada: Member, treasurer: Login) -> None:
    batch = opened([("N1", "10", "")], count=1, total=1_000)
    post(batch, treasurer)
    with pytest.raises(Conflict, match="has been posted"):
        write(batch, [("N1", "11", "")])
    with pytest.raises(Conflict, match="has been posted"), transaction():
        batches.find(batch.id, lock=True).discard(by=treasurer)


@pytest.mark.case("K22")
def test_the_same_check_recorded_before_asks_and_does_not_forbid(
    opened: Open, ada: Member, bob: Member, treasurer: Login
) -> None:
    with transaction():
        record_offline(ada, 1_000, method=Method.CHECK, on=DAY, by=None, reference="1001")
    rows = [("N1", "10", "1001"), ("N2", "10", "7"), ("N2", "10", "7")]
    batch = opened(rows, count=3, total=3_000)
    found = batch_posting.check(batch, own())
    assert [(line.position, sentence) for line, sentence in found.doubts] == [
        (1, "The same was recorded before, dated 2026-09-01."),
        (3, "Line 2 says the same."),
    ]
    with pytest.raises(NeedsASecondLook):
        post(batch, treasurer)
    assert post(batch, treasurer, sure=True).state is ReceiptBatchState.POSTED
    assert len(Payment.here().all()) == 4


CSV = b'Employee No,Name,Deduction,Date\nN1,Ada Byron,"1,234.50",2026-09-01\nN2,Bob Meyer,0.00,2026-09-01\n'


def test_a_payroll_file_is_read_by_its_headings(opened: Open, ada: Member, bob: Member) -> None:
    batch = opened([("N2", "1", "")])
    taken = add_file(batch, CSV)
    assert (taken.lines, taken.nothing, taken.unused) == (1, 1, ("Date",))
    typed, read = lines(batch)
    assert (read.position, read.member_id, read.amount) == (2, ada.id, 123_450)
    assert typed.amount == 100


@pytest.mark.parametrize(
    ("content", "amounts"),
    [
        (b"\xef\xbb\xbfNumber;Amount\nN1;12.50\n", [1_250]),
        ("Number,Name,Amount\nN1,Jos\u00e9,12.50\n".encode("cp1252"), [1_250]),
        ("Number,Amount\nN1,12.50\n".encode("utf-16"), [1_250]),
        (b"Number\tAmount\nN1\t$ 1,250\n", [125_000]),
        (b"Amount,Number\n=1+1,N1\n", [None]),
        (b"Number,Amount\nN1,'-5\n", [None]),
        (b"Number,Amount\nN1,-5\n", [None]),
        (b"Number,Amount\nN1,1.234.567\n", [None]),
        (b"Number,Amount\nN1,12.345\n", [None]),
        (b"Number,Amount\nN1,(5.00)\n", [None]),
        (b"Number,Amount\nN1,\n", []),
        (b"Number,Amount\nN1,5,6\n", [None]),
        (b"Number,Amount\nN1,5\0\n", [None]),
        (b"First name,Last name,Amount\nAda,Byron,3\n", [300]),
        (b"Email,Amount,Check #\nada@example.org,3,1001\n", [300]),
    ],
)
def test_files_as_they_come(opened: Open, ada: Member, content: bytes, amounts: list[int | None]) -> None:
    batch = opened()
    add_file(batch, content)
    assert [line.amount for line in lines(batch)] == amounts
    assert all(line.member_id == ada.id for line in lines(batch) if line.amount)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"Number,Betray\nN1,5\n", "No column is called “Amount”"),
        (b"Amount,Colour\n5,red\n", "No column says who paid"),
        (b"", "The file is empty"),
        (b"%PDF-1.7", "PDF document"),
        (b"Number,Amount\n", "no rows"),
    ],
)
def test_a_file_that_is_none_is_refused_with_a_sentence(opened: Open, content: bytes, sentence: str) -> None:
    batch = opened()
    with pytest.raises(Unreadable, match=sentence):
        add_file(batch, content)


@pytest.mark.case("K22")
def test_the_same_file_is_recognised(opened: Open, ada: Member, bob: Member, treasurer: Login) -> None:
    first, second = (
        opened(count=1, total=123_450),
        opened(count=1, total=123_450, deposited_on=date(2026, 3, 1)),
    )
    add_file(first, CSV)
    with pytest.raises(SameFile):
        add_file(first, CSV)
    post(stands(first), treasurer)
    add_file(second, CSV)
    found = batch_posting.check(stands(second), own())
    assert (found.repeats and found.repeats.id, found.doubts) == (first.id, [])
    with pytest.raises(NeedsASecondLook):
        post(stands(second), treasurer)
    assert post(stands(second), treasurer, sure=True).state is ReceiptBatchState.POSTED


def test_a_long_batch_is_posted_by_a_worker(
    opened: Open, ada: Member, treasurer: Login, jobs: JobRunner
) -> None:
    invoice = make_owed(ada, 1_000_000)
    number = batch_posting.AT_ONCE + 1
    batch = opened([("N1", "1", str(i)) for i in range(number)], count=number, total=number * 100)
    assert post(batch, treasurer).state is ReceiptBatchState.POSTING
    assert Payment.here().all() == []
    db.session.rollback()
    jobs.run_all()
    jobs.run_all()
    assert stands(batch).state is ReceiptBatchState.POSTED
    assert fresh(Invoice, invoice.id).paid == number * 100
    assert len(Payment.here().all()) == number


def test_a_long_batch_that_can_not_be_posted_is_a_draft_again_and_says_why(
    opened: Open, ada: Member, treasurer: Login, jobs: JobRunner
) -> None:
    number = batch_posting.AT_ONCE + 1
    batch = opened([("N1", "1", str(i)) for i in range(number)], count=number, total=number * 100)
    post(batch, treasurer)
    moved_to = factories.make_chapter("GAM", "Gamma")
    with transaction():
        Member.here().get(ada.id).chapter_id = moved_to.id
    jobs.run_all()
    again = stands(batch)
    assert again.state is ReceiptBatchState.DRAFT
    assert "belongs to another chapter by now" in str(again.problem)
    assert Payment.here().all() == []


def test_receipts_go_to_everybody_who_came_with_it_when_wished(
    opened: Open, ada: Member, bob: Member, treasurer: Login, jobs: JobRunner
) -> None:
    rows = [("N1", "10", "1"), ("N2", "20", "2")]
    post(opened(rows, count=2, total=3_000), treasurer)
    jobs.run_all()
    assert Mail.here().all(Mail.kind == MailKind.RECEIPT) == []
    post(opened([("N1", "11", "3"), ("N2", "21", "4")], count=2, total=3_200, receipts=True), treasurer)
    db.session.rollback()
    jobs.run_all()
    assert {mail.recipient.lower() for mail in Mail.here().all(Mail.kind == MailKind.RECEIPT)} == {
        str(ada.email).lower(),
        str(bob.email).lower(),
    }


@pytest.mark.case("F13", "K30")
def test_two_who_post_the_same_batch_at_once_post_it_once(
    app: Any, opened: Open, ada: Member, treasurer: Login
) -> None:
    make_owed(ada, 10_000)
    batch = opened([("N1", "10", "1"), ("N1", "20", "2")], count=2, total=3_000)
    here, version = tenancy.organization_id(), batch.version
    db.session.rollback()

    def try_to(_: int) -> str:
        with app.app_context(), tenancy.acting_for(here):
            try:
                with transaction():
                    found = batches.find(batch.id, lock=True)
                    batch_posting.post(found, by=treasurer, version=version, sure=False, organization=own())
            except PostedAlready:
                return "was posted"
            return "posted"

    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(pool.map(try_to, range(4)))
    assert outcomes == ["posted", "was posted", "was posted", "was posted"]
    assert len(Payment.here().all()) == 2


def test_a_draft_is_discarded_with_its_lines(opened: Open, ada: Member, treasurer: Login) -> None:
    batch = opened([("N1", "10", "")])
    with transaction():
        batches.find(batch.id, lock=True).discard(by=treasurer)
    assert db.session.scalars(select(ReceiptLine)).all() == []


def test_two_windows_at_one_draft_do_not_overwrite_each_other(opened: Open, ada: Member) -> None:
    batch = opened([("N1", "10", "")])
    seen = batch.version
    write(batch, [("N1", "11", "")])
    with pytest.raises(Conflict, match="another window"):
        stands(batch).refuse_other_version(seen)

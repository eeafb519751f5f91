import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests import factories
from tests.processor import Shop, fresh
from webapp.core.db import transaction
from webapp.domain.approvals import Action, ApprovalRequest
from webapp.domain.approvals.policy import Place, Right, set_limit
from webapp.domain.billing.invoice import Invoice
from webapp.domain.credits.credit_note import CreditNote, CreditState, Origin
from webapp.domain.organizations import Chapter, Member, RoleName
from webapp.domain.payments.payment import Allocation


@pytest.fixture
def desk(shop: Shop, sign_in: Callable[..., Any]) -> str:
    """The treasurer's pages, signed in."""
    chapter = Chapter.here().get(shop.chapter_id)
    treasurer = factories.make_login("Tom Treasurer")
    factories.make_role(treasurer, RoleName.TREASURER, chapter=chapter)
    sign_in(shop.client, treasurer)
    return f"/o/{shop.organization.slug}/chapters/{chapter.code}"


def hidden(page: str) -> dict[str, str]:
    """The fields of the form that confirms."""
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))


def test_a_note_is_looked_at_used_and_its_rest_stays(shop: Shop, desk: str) -> None:
    shop.record(shop.owed(1), 10_001)
    [note] = CreditNote.here().all()
    invoice = shop.owed(4_000)
    listed = shop.client.get(f"{desk}/credit-notes/")
    assert note.number in listed.text and "Over-payment" in listed.text
    preview = shop.client.get(f"{desk}/credit-notes/{note.id}/application").text
    assert "Settle $40.00" in preview and "$60.00" in preview
    assert fresh(Invoice, invoice.id).owed == 4_000
    done = shop.client.post(f"{desk}/credit-notes/{note.id}/application", data=hidden(preview))
    assert done.status_code == 303
    assert fresh(Invoice, invoice.id).owed == 0
    page = shop.client.get(f"{desk}/credit-notes/{note.id}/").text
    [rest] = CreditNote.here().all(CreditNote.parent_id == note.id)
    assert invoice.number in page and rest.number in page
    assert "credit note CN-2025-000001" in shop.client.get(f"{desk}/invoices/{invoice.id}").text


def test_bad_amounts_are_explained_and_nothing_typed_is_lost(shop: Shop, desk: str) -> None:
    shop.record(shop.owed(1), 10_001)
    [note] = CreditNote.here().all()
    invoice = shop.owed(4_000)
    typed = {"way": "chosen", f"part-{invoice.id}": "40.01"}
    refused = shop.client.get(f"{desk}/credit-notes/{note.id}/application", query_string=typed)
    assert refused.status_code == 422
    assert f"That is more than {invoice.number} owes." in refused.text and 'value="40.01"' in refused.text
    nothing = shop.client.get(f"{desk}/credit-notes/{note.id}/application", query_string={"way": "chosen"})
    assert "Enter what settles which invoice." in nothing.text


def test_what_changed_since_the_preview_is_shown_again_before_it_is_done(shop: Shop, desk: str) -> None:
    shop.record(shop.owed(1), 10_001)
    [note] = CreditNote.here().all()
    invoice = shop.owed(4_000)
    preview = shop.client.get(f"{desk}/credit-notes/{note.id}/application").text
    shop.record(invoice, 1_000)
    refused = shop.client.post(f"{desk}/credit-notes/{note.id}/application", data=hidden(preview))
    assert refused.status_code == 409 and "has changed since you looked" in refused.text
    assert fresh(CreditNote, note.id).is_open


def test_credit_is_taken_off_an_invoice_again(shop: Shop, desk: str) -> None:
    shop.record(shop.owed(1), 10_001)
    [note] = CreditNote.here().all()
    invoice = shop.owed(10_000)
    preview = shop.client.get(f"{desk}/credit-notes/{note.id}/application").text
    shop.client.post(f"{desk}/credit-notes/{note.id}/application", data=hidden(preview))
    page = shop.client.get(f"{desk}/credit-notes/{note.id}/").text
    [address] = re.findall(r'action="([^"]+/undoing)"', page)
    assert shop.client.post(address).status_code == 303
    assert shop.client.post(address).status_code == 409
    assert fresh(Invoice, invoice.id).owed == 10_000
    [again] = CreditNote.here().all(CreditNote.remaining > 0)
    assert (again.origin, again.amount) == (Origin.UNDONE, 10_000)
    assert "Credit taken off" in shop.client.get(f"{desk}/invoices/{invoice.id}").text


def test_a_payment_is_taken_off_an_invoice_and_settles_another_one(shop: Shop, desk: str) -> None:
    wrong, right = shop.owed(40_000), shop.owed(30_000)
    shop.record(wrong, 40_000)
    [settled] = Allocation.here().all()
    address = f"{desk}/allocations/{settled.id}/undoing"
    assert "Kept as a credit note" in shop.client.get(address).text
    preview = shop.client.get(address, query_string={"way": "oldest"}).text
    assert shop.client.post(address, data=hidden(preview)).status_code == 303
    assert (fresh(Invoice, wrong.id).owed, fresh(Invoice, right.id).owed) == (40_000, 0)
    history = shop.client.get(f"{desk}/invoices/{wrong.id}").text
    assert "Payment taken back" in history and "Paid $400.00" in history


def test_voiding_a_paid_invoice_says_what_becomes_of_its_money(shop: Shop, desk: str) -> None:
    invoice = shop.owed(40_000)
    shop.record(invoice, 15_000)
    asked = shop.client.get(f"{desk}/invoices/{invoice.id}/voiding").text
    assert "$150.00" in asked and "becomes a credit note" in asked
    data = hidden(asked) | {"reason": "Billed in error"}
    assert shop.client.post(f"{desk}/invoices/{invoice.id}/voiding", data=data).status_code == 303
    [note] = CreditNote.here().all()
    assert (note.amount, note.origin) == (15_000, Origin.VOIDED_INVOICE)


def test_goodwill_above_the_limit_waits_and_below_it_is_given(shop: Shop, desk: str) -> None:
    with transaction():
        set_limit(Place(RoleName.TREASURER, Action.ADJUSTMENT, Right.ALONE), 2_500, by=None)
    address = f"{desk}/members/{shop.member_id}/goodwill"
    form = shop.client.get(address).text
    assert "Up to $25.00 at once" in form
    empty = shop.client.post(address, data=hidden(form))
    assert empty.status_code == 422 and "Enter the amount." in empty.text
    for amount in ("25.00", "25.01"):
        data = hidden(shop.client.get(address).text) | {"amount": amount, "reason": "The hall was closed"}
        assert shop.client.post(address, data=data).status_code == 303
    assert [note.amount for note in CreditNote.here().all()] == [2_500]
    assert [request.amount for request in ApprovalRequest.here().all()] == [2_501]


def test_goodwill_is_withdrawn_after_a_look_at_the_books_and_other_credit_is_not(
    shop: Shop, desk: str
) -> None:
    factories.allow_alone(RoleName.TREASURER, Action.ADJUSTMENT, 2_500)
    typed = {"amount": "25.00", "reason": "The hall was closed"}
    shop.client.post(f"{desk}/members/{shop.member_id}/goodwill", data=typed)
    shop.record(shop.owed(1), 10_001)
    given, paid = CreditNote.here().all(order_by=CreditNote.id)
    address = f"{desk}/credit-notes/{given.id}/withdrawal"
    assert address in shop.client.get(f"{desk}/credit-notes/{given.id}/").text
    asked = shop.client.get(address).text
    assert "2110" in asked and "4900" in asked
    empty = shop.client.post(address, data=hidden(asked))
    assert empty.status_code == 422 and "Say why." in empty.text
    assert shop.client.post(address, data=hidden(asked) | {"reason": "Twice"}).status_code == 303
    assert fresh(CreditNote, given.id).state is CreditState.WITHDRAWN
    assert "Withdraw…" not in shop.client.get(f"{desk}/credit-notes/{paid.id}/").text
    address = f"{desk}/credit-notes/{paid.id}/withdrawal"
    assert "belongs to the payer" in shop.client.get(address).text
    assert shop.client.post(address, data={"reason": "Twice"}).status_code == 409


def test_a_note_goes_back_by_check_and_what_is_kept_of_it_is_a_new_one(shop: Shop, desk: str) -> None:
    shop.record(shop.owed(1), 10_001)
    [note] = CreditNote.here().all()
    address = f"{desk}/credit-notes/{note.id}/release"
    data = hidden(shop.client.get(address).text) | {"amount": "40.00", "how": "check", "reason": "Asked for"}
    refused = shop.client.post(address, data=data)
    assert refused.status_code == 422 and "Enter the number of the check." in refused.text
    assert shop.client.post(address, data=data | {"check_number": "2041"}).status_code == 303
    assert fresh(CreditNote, note.id).state is CreditState.RELEASED
    assert [one.amount for one in CreditNote.here().all(CreditNote.remaining > 0)] == [6_000]


def test_the_list_is_filtered_by_its_address_and_written_as_a_file(shop: Shop, desk: str) -> None:
    shop.record(shop.owed(1), 10_001)
    shop.record(shop.owed(1), 501)
    found = shop.client.get(f"{desk}/credit-notes/?format=csv&state=open&q=cn-2025-000002")
    [row] = csv.DictReader(io.StringIO(found.text))
    assert (row["number"], row["amount"], row["amount_minor"], row["state"]) == (
        "CN-2025-000002", "5.00", "500", CreditState.OPEN,
    )  # fmt: skip
    assert "CN-2025" not in shop.client.get(f"{desk}/credit-notes/?state=released").text


def test_a_member_sees_the_own_credit_and_reads_it_as_a_letter(
    shop: Shop, sign_in: Callable[..., Any]
) -> None:
    shop.record(shop.owed(1), 10_001)
    [note] = CreditNote.here().all()
    login = factories.make_login("Ana Member")
    factories.make_role(login, RoleName.MEMBER, member=shop.member)
    sign_in(shop.client, login)
    home = f"/o/{shop.organization.slug}/my"
    assert note.number in shop.client.get(f"{home}/").text
    assert "Use it" not in shop.client.get(f"{home}/credit-notes/{note.id}/").text
    letter = shop.client.get(f"{home}/credit-notes/{note.id}/pdf")
    assert letter.data.startswith(b"%PDF") and note.number in letter.headers["Content-Disposition"]


@pytest.mark.case("A1")
def test_nobody_reads_another_members_credit(shop: Shop, sign_in: Callable[..., Any]) -> None:
    shop.record(shop.owed(1), 10_001)
    [note] = CreditNote.here().all()
    other = factories.make_member(Chapter.here().get(shop.chapter_id), factories.make_status("alumni"))
    login = factories.make_login("Bea Member")
    factories.make_role(login, RoleName.MEMBER, member=Member.here().get(other.id))
    sign_in(shop.client, login)
    home = f"/o/{shop.organization.slug}/my"
    assert shop.client.get(f"{home}/credit-notes/{note.id}/").status_code == 404
    assert shop.client.get(f"{home}/credit-notes/{note.id}/pdf").status_code == 404

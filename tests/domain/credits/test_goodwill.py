from typing import Any

import pytest

from tests import factories
from tests.processor import TODAY, Shop
from webapp import wiring
from webapp.core.db import transaction
from webapp.core.errors import Invalid, NotAllowed
from webapp.domain.approvals import Action, ApprovalRequest
from webapp.domain.approvals.policy import Place, Right, set_limit
from webapp.domain.credits import goodwill
from webapp.domain.credits.credit_note import CreditNote, Origin
from webapp.domain.ledger import Code
from webapp.domain.organizations import Chapter, Login, RoleName


@pytest.fixture
def treasurer(shop: Shop) -> Login:
    login = factories.make_login("Tom Treasurer")
    factories.make_role(login, RoleName.TREASURER, chapter=Chapter.here().get(shop.chapter_id))
    with transaction():
        set_limit(Place(RoleName.TREASURER, Action.ADJUSTMENT, Right.ALONE), 2_500, by=None)
    return login


def give(shop: Shop, amount: int, by: Login, reason: str = "The hall was closed in May") -> Any:
    with transaction():
        return goodwill.give(shop.member, amount, reason=reason, by=by, on=TODAY)


def test_within_the_limit_goodwill_is_given_at_once(shop: Shop, treasurer: Login) -> None:
    note, request = give(shop, 2_500, treasurer)
    assert (note.origin, note.amount, note.payment_id, request) == (Origin.GOODWILL, 2_500, None, None)
    assert (shop.balance(Code.WAIVERS), shop.balance(Code.CREDIT_NOTES)) == (2_500, 2_500)


def test_above_the_limit_it_waits_for_somebody_else_and_no_number_is_taken(
    shop: Shop, treasurer: Login
) -> None:
    note, request = give(shop, 2_501, treasurer)
    assert note is None and (request.amount, request.cap) == (2_501, 2_500)
    assert CreditNote.here().all() == []
    admin = factories.make_admin()
    with transaction():
        held = ApprovalRequest.here().get(request.id)
        held.approve(by=admin, seen=request.order_digest, carry_out=wiring.ACTIONS, on=TODAY)
    [given] = CreditNote.here().all()
    assert (given.id, given.number, given.amount) == (request.subject_id, "CN-2025-000001", 2_501)
    assert given.reason == "The hall was closed in May"


@pytest.mark.case("F15")
def test_nobody_approves_the_own_goodwill(shop: Shop, treasurer: Login) -> None:
    factories.make_role(treasurer, RoleName.NATIONAL_ADMIN)
    with transaction():
        set_limit(Place(RoleName.NATIONAL_ADMIN, Action.ADJUSTMENT, Right.ALONE), 0, by=None)
    _, request = give(shop, 9_000, treasurer)
    with pytest.raises(NotAllowed), transaction():
        ApprovalRequest.here().get(request.id).approve(
            by=treasurer, seen=request.order_digest, carry_out=wiring.ACTIONS, on=TODAY
        )
    assert CreditNote.here().all() == []


def test_denied_goodwill_opens_nothing(shop: Shop, treasurer: Login) -> None:
    _, request = give(shop, 9_000, treasurer)
    admin = factories.make_admin()
    with transaction():
        ApprovalRequest.here().get(request.id).deny(
            by=admin, reason="Too much", tell=wiring.DENIALS, on=TODAY
        )
    assert CreditNote.here().all() == []


@pytest.mark.parametrize(("amount", "reason"), [(0, "x"), (-5, "x"), (100, " "), (100, "x" * 501)])
def test_goodwill_needs_an_amount_and_a_reason(
    shop: Shop, treasurer: Login, amount: int, reason: str
) -> None:
    with pytest.raises(Invalid):
        give(shop, amount, treasurer, reason)

"""Who acts alone up to which amount, and who else decides what others asked for."""

from collections.abc import Sequence
from typing import Any

from flask import render_template
from flask_login import current_user
from werkzeug.wrappers import Response

from webapp.core.db import transaction
from webapp.domain.approvals import Action, policy
from webapp.domain.approvals.policy import PLACES, Place, Right
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.organizations import RoleName
from webapp.web.confirmation import confirmed
from webapp.web.forms import Form, MoneyField, NotNegative
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other
from webapp.web.national import national
from webapp.web.request_keys import acts_once

ANY_AMOUNT = "any amount"
_LABELS = {
    (RoleName.NATIONAL_ADMIN, Right.ALONE): "National admins act alone up to",
    (RoleName.TREASURER, Right.ALONE): "Treasurers act alone up to",
    (RoleName.TREASURER, Right.SECOND): "Treasurers decide others’ requests up to",
}


class LimitField(MoneyField):
    """An amount, `any amount`, or nothing: then `data` is None and the usual holds."""

    data: Any

    def process_formdata(self, valuelist: Sequence[Any]) -> None:
        if [text.strip().lower() for text in valuelist] == [ANY_AMOUNT]:
            self.raw_data, self.data = list(valuelist), ANY_AMOUNT
        else:
            super().process_formdata(valuelist)

    def _value(self) -> str:
        return ANY_AMOUNT if self.data == ANY_AMOUNT else super()._value()


class AnAmountOrAny(NotNegative):
    def __call__(self, form: Any, field: Any) -> None:
        if field.data != ANY_AMOUNT:
            super().__call__(form, field)


class PolicyForm(Form):
    """A field for each limit that can be set."""

    def by_action(self) -> list[tuple[Action, list[LimitField]]]:
        return [(action, [self[_name(one)] for one in PLACES if one.action is action]) for action in Action]


def _name(place: Place) -> str:
    return "-".join(place)


for _place in PLACES:
    _label = _LABELS[_place.role, _place.right]
    setattr(PolicyForm, _name(_place), LimitField(_label, [AnAmountOrAny()]))


@national.get("/approvals/policy", endpoint="approval_policy")
def show() -> str:
    said = {_name(place): ANY_AMOUNT if limit is None else limit for place, limit in policy.limits().items()}
    return _page(PolicyForm(formdata=None, data=said))


@national.post("/approvals/policy")
@confirmed
@acts_once
def update_approval_policy() -> Response | tuple[str, int]:
    form = PolicyForm()
    if not form.validate():
        return _page(form), 422
    with transaction():
        for place in PLACES:
            wanted = form[_name(place)].data
            if wanted is None:
                policy.forget_limit(place, by=current_user)
            else:
                policy.set_limit(place, None if wanted == ANY_AMOUNT else wanted, by=current_user)
    return see_other("national.approval_policy", notice="The limits hold from now on.")


def _page(form: PolicyForm) -> str:
    cap = DuesSettings.of(current_organization).refund_cap
    return render_template("national/approval_policy/index.html", form=form, refund_cap=cap)

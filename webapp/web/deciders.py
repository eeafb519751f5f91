"""Whose eyes look at the approval queue, and at how much of it waits for them."""

from flask_login import current_user

from webapp.domain.approvals import Powers
from webapp.domain.approvals.queue import Reader
from webapp.web.gates import current_access, current_organization


def reader() -> Reader:
    powers = Powers.of(current_user, on=current_organization.today, access=current_access)
    return Reader(current_user.id, current_access, powers)

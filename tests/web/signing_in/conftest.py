"""An admin with a password, and nobody who has tried before."""

import pytest

from tests import factories
from tests.web.signing_in.steps import with_password
from webapp.domain.organizations import Login
from webapp.web.limits import limiter


@pytest.fixture(autouse=True)
def _counters_start_at_zero(app):
    limiter.reset()


@pytest.fixture
def admin(organization) -> Login:
    return with_password(factories.make_admin())


@pytest.fixture
def home(organization) -> str:
    return f"/o/{organization.slug}/national/"

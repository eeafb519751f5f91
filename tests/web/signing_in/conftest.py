"""An admin with a password, and nobody who has tried before."""

import pytest
from argon2 import PasswordHasher

from tests import factories
from tests.web.signing_in.steps import with_password
from webapp.domain.organizations import Login, passwords
from webapp.web.limits import limiter


@pytest.fixture(autouse=True)
def _counters_start_at_zero(app):
    limiter.reset()


@pytest.fixture(autouse=True)
def _hashes_are_cheap(monkeypatch):
    """How long a password takes to guess is looked at in tests/security."""
    for name in "_hasher", "_hasher_of_codes":
        monkeypatch.setattr(passwords, name, PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))


@pytest.fixture
def admin(organization) -> Login:
    return with_password(factories.make_admin())


@pytest.fixture
def home(organization) -> str:
    return f"/o/{organization.slug}/national/"

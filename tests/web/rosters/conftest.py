"""An organization with its usual statuses, and who signs in there."""

from typing import Any

import pytest

from tests import factories
from webapp.core.db import transaction
from webapp.domain.organizations import Chapter, Login, Organization, RoleName, member


@pytest.fixture
def home(organization: Organization) -> str:
    with transaction():
        member.open_default_statuses()
    return f"/o/{organization.slug}"


@pytest.fixture
def admin(home: str, client: Any, sign_in: Any) -> Login:
    login = factories.make_admin()
    sign_in(client, login)
    return login


@pytest.fixture
def alpha(home: str) -> Chapter:
    return factories.make_chapter("ALP", "Alpha Chapter")


@pytest.fixture
def treasurer(alpha: Chapter, client: Any, sign_in: Any) -> Login:
    login = factories.make_login()
    factories.make_role(login, RoleName.TREASURER, chapter=alpha)
    sign_in(client, login)
    return login

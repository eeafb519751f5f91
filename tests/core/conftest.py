import pytest

from tests import factories
from webapp.domain.organizations import Organization


@pytest.fixture
def neighbour(organization: Organization) -> Organization:
    return factories.make_organization("Neighbours Association")

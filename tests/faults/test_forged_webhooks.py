"""What somebody sends who is no processor: refused, and of its body nothing is kept."""

import pytest

from tests.faults.installation import Installation
from tests.faults.office import Office
from webapp.domain.payments.inbox import ProcessorEvent

CANARY = "canary-4242424242424242"


@pytest.mark.case("F20")
def test_a_refused_delivery_is_logged_without_its_body(installation: Installation, office: Office) -> None:
    installation.start_web(LOG_LEVEL="DEBUG")
    event = {"id": CANARY, "object": "event", "type": CANARY, "data": {"object": {"note": CANARY}}}

    refused = office.deliver(event, secret="whsec_somebody_else")

    assert refused.status == 400 and CANARY not in refused.text
    logged = [line for line in installation.said("web").splitlines() if "webhooks.receive" in line]
    assert len(logged) == 1 and "400" in logged[0]
    assert CANARY not in installation.said("web")
    assert office.all(ProcessorEvent) == []

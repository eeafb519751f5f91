from base64 import urlsafe_b64encode
from dataclasses import replace
from uuid import uuid4

import pytest

from webapp.core.crypto import KeyRing, Place, SecretUnreadable

OLD, NEW = (urlsafe_b64encode(bytes([n]) * 32).decode() for n in (1, 2))
PLACE = Place(uuid4(), "payment_processors", "secret_key", uuid4())


def test_a_secret_is_read_back_in_its_place() -> None:
    ring = KeyRing([NEW])
    stored = ring.encrypt("sk_test_abc", PLACE)
    assert "sk_test_abc" not in stored
    assert ring.decrypt(stored, PLACE) == "sk_test_abc"


@pytest.mark.case("A18")
@pytest.mark.parametrize(
    "elsewhere",
    [
        {"organization_id": uuid4()},
        {"table": "api_tokens"},
        {"column": "webhook_secret"},
        {"row_id": uuid4()},
    ],
)
def test_a_secret_moved_to_another_place_is_unreadable(elsewhere: dict[str, object]) -> None:
    ring = KeyRing([NEW])
    stored = ring.encrypt("sk_test_abc", PLACE)
    with pytest.raises(SecretUnreadable):
        ring.decrypt(stored, replace(PLACE, **elsewhere))


@pytest.mark.case("A18")
def test_a_truncated_or_changed_secret_is_unreadable() -> None:
    ring = KeyRing([NEW])
    stored = ring.encrypt("sk_test_abc", PLACE)
    for damaged in (stored[:-6], stored.replace("v1.", "v2."), "v1.nonsense", "", stored[:-1] + "!"):
        with pytest.raises(SecretUnreadable):
            ring.decrypt(damaged, PLACE)


def test_an_old_key_still_reads_and_a_new_one_writes() -> None:
    stored = KeyRing([OLD]).encrypt("whsec_1", PLACE)
    both = KeyRing([NEW, OLD])
    assert both.decrypt(stored, PLACE) == "whsec_1"
    assert not both.is_current(stored)
    assert both.is_current(both.encrypt("whsec_1", PLACE))


@pytest.mark.case("A18")
def test_a_key_that_is_gone_is_named_as_the_reason() -> None:
    stored = KeyRing([OLD]).encrypt("whsec_1", PLACE)
    with pytest.raises(SecretUnreadable) as refusal:
        KeyRing([NEW]).decrypt(stored, PLACE)
    assert "CREDENTIAL_KEYS" in refusal.value.next_step


@pytest.mark.parametrize("key", ["", "short", "not base64 at all!!", urlsafe_b64encode(b"x" * 31).decode()])
def test_a_weak_key_is_refused_at_the_start(key: str) -> None:
    with pytest.raises(ValueError, match="CREDENTIAL_KEYS"):
        KeyRing([key])

"""Passkeys: added by the page, used alone or as the second step, and what a thief of an answer gets."""

import pytest
from sqlalchemy import func, select, update

from tests import factories
from tests.web.authenticator import Authenticator
from tests.web.signing_in.steps import codes_on, give_passkey, opens, send_password, use_passkey
from webapp.core.db import db, transaction
from webapp.domain.organizations import (
    Passkey,
    PasskeyChallenge,
    sessions,
)


class TestPasskeys:
    @pytest.fixture
    def device(self, client, admin, sign_in) -> Authenticator:
        """In the admin's pocket, known to us, and the browser signed out again."""
        device = Authenticator()
        sign_in(client, admin)
        give_passkey(client, device)
        client.post("/sign-out")
        return device

    def test_the_first_one_brings_recovery_codes_and_counts_at_once(self, client, admin, home):
        send_password(client, admin)

        page = give_passkey(client, Authenticator())

        assert len(codes_on(page.text)) == 10
        assert opens(client, home)

    def test_it_signs_in_by_itself_as_both_factors(self, client, admin, device, home):
        arrived = use_passkey(client, device)

        assert arrived.location == home
        assert opens(client, home)
        [now_open] = sessions.open_ones(admin)
        assert now_open.methods == ["passkey"]

    def test_after_the_password_it_is_the_second_step(self, client, admin, device, home):
        send_password(client, admin)
        assert "Use a passkey" in client.get("/second-factor").text

        assert use_passkey(client, device, next=f"{home}people/").location == f"{home}people/"

    def test_an_answer_given_twice_works_once(self, client, device):
        asked = client.post("/passkey-challenges/").json
        answer = device.sign(asked)
        assert client.post("/passkey-sessions/", data={"answer": answer}).location != "/"
        client.post("/sign-out")

        again = client.post("/passkey-sessions/", data={"answer": answer})

        assert again.location == "/"
        assert not opens(client, "/account/places/")

    def test_an_answer_from_another_browser_than_was_asked_is_refused(self, client, device):
        asked = client.post("/passkey-challenges/").json
        other = client.application.test_client()
        other.post("/passkey-challenges/")

        other.post("/passkey-sessions/", data={"answer": device.sign(asked)})

        assert not opens(other, "/account/places/")

    def test_an_old_challenge_is_worth_nothing(self, client, device):
        asked = client.post("/passkey-challenges/").json
        with transaction():
            db.session.execute(update(PasskeyChallenge).values(expires_at=func.now()))

        client.post("/passkey-sessions/", data={"answer": device.sign(asked)})

        assert not opens(client, "/account/places/")

    @pytest.mark.parametrize(
        "wrong",
        [
            {"verifies": False},
            {"origin": "http://evil.example"},
            {"origin": "http://localhost.evil.example"},
            {"user_handle": b"somebody else"},
            {"user_handle": b""},
            {"sign_count": -1},
            {"credential_id": b"never seen"},
        ],
    )
    def test_a_device_that_is_not_quite_right_is_refused(self, client, device, wrong):
        use_passkey(client, device)
        client.post("/sign-out")
        for name, value in wrong.items():
            setattr(device, name, value)

        refused = use_passkey(client, device)

        assert refused.location == "/"
        assert not opens(client, "/account/places/")

    def test_another_key_under_the_same_name_is_refused(self, client, device):
        impostor = Authenticator(user_handle=device.user_handle, sign_count=7)

        use_passkey(client, impostor)

        assert not opens(client, "/account/places/")

    @pytest.mark.parametrize("answer", ["", "{}", "[]", "null", "nonsense", '{"id": 1, "rawId": "%%"}', "ä"])
    def test_nonsense_is_refused_in_peace(self, client, device, answer):
        client.post("/passkey-challenges/")

        assert client.post("/passkey-sessions/", data={"answer": answer}).location == "/"

    @pytest.mark.parametrize("wrong", [{"verifies": False}, {"origin": "http://evil.example"}])
    def test_a_new_one_that_does_not_fit_is_not_kept(self, client, admin, sign_in, wrong):
        sign_in(client, admin)

        refused = give_passkey(client, Authenticator(**wrong))

        assert refused.status_code == 422
        assert "was not added" in refused.text
        assert db.session.scalars(select(Passkey)).all() == []

    def test_several_have_names_and_are_renamed_and_removed_one_by_one(self, client, admin, device):
        use_passkey(client, device)
        give_passkey(client, Authenticator(credential_id=b"another one"), "Key in the drawer")
        drawer = db.session.scalars(select(Passkey).where(Passkey.name == "Key in the drawer")).one()
        here = f"/account/second-factor/passkeys/{drawer.id}/"

        client.post(here + "name", data={"name": "  Key in   the safe "})
        assert "Key in the safe" in client.get("/account/second-factor/").text
        client.post(here + "removal")

        names = db.session.scalars(select(Passkey.name)).all()
        assert names == ["My telephone"]
        assert client.get(here).status_code == 404

    def test_somebody_elses_is_not_there(self, client, device, organization, sign_in):
        theirs = db.session.scalars(select(Passkey.id)).one()
        sign_in(client, factories.make_admin("Otto Admin"))
        here = f"/account/second-factor/passkeys/{theirs}/"

        assert client.get(here).status_code == 404
        assert client.post(here + "name", data={"name": "Mine"}).status_code == 404
        assert client.post(here + "removal").status_code == 404

    def test_a_switched_off_login_stays_outside(self, client, admin, device):
        with transaction():
            admin.disabled_at = func.now()

        use_passkey(client, device)

        assert not opens(client, "/account/places/")

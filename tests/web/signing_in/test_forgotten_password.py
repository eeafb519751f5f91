"""A forgotten password: the same answer for everybody, and a link that works once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.web.signing_in.steps import is_signed_in, send
from webapp.core.db import db
from webapp.domain.notifications.delivery import Mail
from webapp.domain.organizations import (
    Login,
    password_reset,
)


class TestForgottenPassword:
    def link(self, app, login: Login, **ago) -> str:
        secret = app.config["SETTINGS"].secret_key
        at = password_reset.clock.now() - timedelta(**ago)
        return "/password-reset/" + password_reset.token(login, secret, at=at)

    @pytest.mark.case("A10")
    def test_asking_gives_the_same_answer_for_everybody_and_mails_only_people(self, client, admin, jobs):
        known = client.post("/password-reset", data={"email": admin.email})
        unknown = client.post("/password-reset", data={"email": "nobody@example.org"})

        assert known.status_code == unknown.status_code == 200
        assert known.text == unknown.text
        theirs, nobodys = jobs.named("announce")
        assert theirs.arguments == {"what": "password_reset", "login_id": str(admin.id)}
        assert nobodys.arguments.keys() == theirs.arguments.keys()
        jobs.run_all()
        assert db.session.scalars(select(Mail.recipient)).all() == [admin.email]

    def test_asking_again_and_again_is_stopped(self, client, admin, jobs):
        answers = [client.post("/password-reset", data={"email": admin.email}) for _ in range(4)]

        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert len(jobs.named("announce")) == 3

    @pytest.mark.case("A12")
    def test_a_link_works_once_and_ends_every_session(self, client, admin, app, sign_in):
        elsewhere = app.test_client()
        sign_in(elsewhere, admin)
        link = self.link(app, admin)
        assert client.get(link).status_code == 200
        assert client.head(link).status_code == 200

        answer = client.post(link, data={"password": "walnut kayak 9 hinges"})

        assert (answer.status_code, answer.location) == (303, "/")
        assert not is_signed_in(elsewhere)
        assert not is_signed_in(client)
        assert client.post(link, data={"password": "another try at it 8"}).status_code == 409
        assert send(client, admin.email, "walnut kayak 9 hinges").status_code == 303

    @pytest.mark.case("A12")
    def test_two_browsers_with_one_link_change_the_password_once(self, client, admin, app):
        link = self.link(app, admin)

        def change(number: int) -> int:
            form = {"password": f"walnut kayak {number} hinges"}
            return app.test_client().post(link, data=form).status_code

        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(change, range(4))) == [303, 409, 409, 409]

    def test_a_weak_password_leaves_the_link_usable(self, client, admin, app):
        link = self.link(app, admin)

        assert client.post(link, data={"password": "password1"}).status_code == 422
        assert client.post(link, data={"password": "walnut kayak 9 hinges"}).status_code == 303

    @pytest.mark.case("A12")
    def test_an_old_or_bent_link_opens_nothing(self, client, admin, app):
        assert client.get(self.link(app, admin, minutes=121)).status_code == 409
        good = self.link(app, admin)
        for bent in (good[:-2] + "xx", good[:40], "/password-reset/~", "/password-reset/" + "a" * 70):
            assert client.get(bent).status_code == 409

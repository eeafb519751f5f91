"""Letting people and programs in from the command line."""

import pytest

from tests import factories
from webapp.core import tenancy
from webapp.domain.organizations import RoleName, tokens


@pytest.fixture
def run(app, organization):
    def _run(*arguments: str):
        return app.test_cli_runner().invoke(args=arguments)

    return _run


def test_an_invitation_prints_the_link_that_the_mail_has(run, organization, client, jobs):
    factories.make_chapter()

    done = run(
        "people", "invite", organization.slug, "ruth@example.org", "--role", "treasurer", "--chapter", "alp"
    )

    assert done.exit_code == 0, done.output
    address = done.output.strip().removeprefix("http://localhost")
    assert "treasurer of Alpha Chapter" in client.get(address).text
    assert len(jobs.named("announce")) == 1


def test_a_token_is_printed_once_and_works(run, organization):
    done = run("tokens", "create", organization.slug, "--role", "national_admin")

    assert done.exit_code == 0, done.output
    with tenancy.acting_for(organization.id):
        program = tokens.authenticate(done.output.strip())
    assert program is not None and program.role.role is RoleName.NATIONAL_ADMIN


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["people", "invite", "nowhere", "a@example.org", "--role", "auditor"], "no organization “nowhere”"),
        (["people", "invite", "ORG", "nobody", "--role", "auditor"], "an address like name@example.org"),
        (["people", "invite", "ORG", "a@example.org", "--role", "treasurer"], "Choose the chapter"),
        (
            ["tokens", "create", "ORG", "--role", "treasurer", "--chapter", "ZZZ"],
            "no chapter with the code “ZZZ”",
        ),
    ],
)
def test_bad_input_is_one_sentence(run, organization, arguments, sentence):
    done = run(*(organization.slug if word == "ORG" else word for word in arguments))

    assert done.exit_code == 1
    assert sentence in done.output
    assert "Traceback" not in done.output

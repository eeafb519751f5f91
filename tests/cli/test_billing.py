"""Dues, rates, periods and a billing run from the command line."""

from flask import Flask

from tests import factories
from webapp.domain.organizations import Organization


def test_from_settings_to_invoices_without_a_browser(app: Flask, organization: Organization) -> None:
    chapter = factories.make_chapter("ALP", "Alpha")
    undergraduate, alumnus = factories.make_status("undergraduate"), factories.make_status("alumnus")
    factories.make_member(chapter, undergraduate)
    factories.make_member(chapter, alumnus)
    retired = factories.make_status("retiree", billable=False)
    factories.make_member(chapter, retired)
    slug = organization.slug

    said = flask(app, "dues", "set", slug, "--default", "400.00", "--cadence", "semester", "--grace", "15")
    assert "default_amount\t400.00\n" in said
    assert flask(app, "rates", "set", slug, "alumnus", "50.00") == "alumnus\t\t50.00\talways\n"
    flask(app, "rates", "set", slug, "Alumnus", "60", "--chapter", "alp", "--from", "2026-01-01")
    assert [line.split("\t")[0] for line in flask(app, "periods", "generate", slug, "2026").splitlines()] == [
        "2026-spring",
        "2026-fall",
    ]
    assert flask(app, "periods", "generate", slug, "2026") == ""
    listed = flask(app, "periods", "list", slug).splitlines()
    assert listed[1].startswith("2026-fall\tFall 2026\t2026-07-01\t")

    dry = flask(app, "billing", "run", slug, "2026-fall", "--dry-run")
    assert dry == "would be invoiced\t2\t460.00\nalready invoiced\t0\t\nstatus_not_billable\t1\t\n"
    wet = flask(app, "billing", "run", slug, "2026-fall", "--schedule", "Regular dues")
    assert wet == "invoiced\t2\t460.00\nalready invoiced\t0\t\nstatus_not_billable\t1\t\n"
    again = flask(app, "billing", "run", slug, "2026-fall")
    assert again.startswith("invoiced\t0\t0.00\nalready invoiced\t2\t")


def test_a_run_bills_what_the_dry_run_showed_or_nobody(app: Flask, organization: Organization) -> None:
    chapter, status = factories.make_chapter(), factories.make_status()
    factories.make_rate(status, 10_000)
    factories.make_member(chapter, status)
    factories.make_period("2026-fall")
    slug, runner = organization.slug, app.test_cli_runner()
    dry = runner.invoke(args=["billing", "run", slug, "2026-fall", "--dry-run"])
    word = dry.stderr.split("--seen ")[1].strip()
    factories.make_member(chapter, status)

    refused = runner.invoke(args=["billing", "run", slug, "2026-fall", "--seen", word])

    assert refused.exit_code == 1
    assert "Invoices: 2 instead of 1." in refused.output
    assert flask(app, "billing", "run", slug, "2026-fall").startswith("invoiced\t2\t")


def test_bad_input_is_one_sentence_and_exit_status_1(app: Flask, organization: Organization) -> None:
    runner = app.test_cli_runner()
    for command, said in [
        (["rates", "set", organization.slug, "nobody", "50"], "There is no status “nobody”"),
        (["billing", "run", organization.slug, "1999"], "There is no period “1999”"),
        (["dues", "set", organization.slug, "--default", "4,0,0"], "“4,0,0” is not an amount"),
        (["periods", "list", "nowhere"], "There is no organization “nowhere”"),
    ]:
        result = runner.invoke(args=command)
        assert result.exit_code == 1
        assert said in result.output


def flask(app: Flask, *command: str) -> str:
    result = app.test_cli_runner().invoke(args=list(command))
    assert result.exit_code == 0, result.output
    return result.stdout

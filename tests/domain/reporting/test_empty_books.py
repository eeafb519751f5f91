import re

from tests import factories
from tests.statements import statements
from webapp.domain.organizations import Organization

WHO_THE_BOOKS_ARE_ABOUT = {"accounts", "chapters", "members", "organizations"}


def test_nothing_is_verified_in_tables_of_which_tests_say_that_no_money_is_in_them(
    organization: Organization,
) -> None:
    factories.make_invoice(100_00)
    with statements() as sent:
        factories.verify_books(organization)
    read = set(re.findall(r"(?:FROM|JOIN) (\w+)", " ".join(sent)))
    assert read & factories.WITHOUT_MONEY <= WHO_THE_BOOKS_ARE_ABOUT
    assert {"postings", "invoices", "payments"} <= read

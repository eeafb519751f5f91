"""A question that is a transaction of its own, straight to the driver.

For what comes so often that all that stands around a question would cost more than the work: no session, no
hooks, no beginning and no commit. It happens or it does not, as any single statement does.
"""

from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Select

from webapp.core import direct, failpoints, tenancy
from webapp.core.db import db
from webapp.core.direct import Answer


def ask(organization: UUID, question: Select[*tuple[Any, ...]], **values: Any) -> Answer:
    """The answer's first row. The question begins with `tenancy.TOLD`, and tells by it for whom we act; where
    that would not do, a usual transaction is told before.
    """
    failpoints.passing("commit")
    answer = _alone(organization, question, values)
    failpoints.passing("committed")
    return answer


def _alone(organization: UUID, question: Select[*tuple[Any, ...]], values: dict[str, Any]) -> Answer:
    try:
        connection = db.engine.raw_connection()
        if tenancy.tells_all_by_asking(connection.info):
            text, sent = tenancy.as_sent(organization, question, values, db.engine.dialect)
            return direct.alone(connection, text, sent)
        connection.close()
    except psycopg.Error as error:
        raise direct.in_known_words(error) from error
    with db.engine.begin() as told_before:
        return tenancy.ask_inside(told_before, organization, question, **values)

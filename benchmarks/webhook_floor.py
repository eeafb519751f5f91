"""A bare Flask view that takes in an event: the product's rows in one statement, and no questions asked.

It writes into the same tables under the same policies, so it acts as the same role and says for whom, in the
same statement as the product does. It begins and commits, as the driver does by itself.
"""

from typing import Any
from uuid import UUID

import psycopg
from flask import Flask, request

_STORE = """
    WITH event AS (
        INSERT INTO processor_events (organization_id, id, processor_id, event_reference, kind,
            object_reference, payload, happened_at, found_by, deliveries, state)
        SELECT told.organization::uuid, uuidv7(), %(processor)s, letter->>'id', letter->>'type',
            subject->>'id', subject, to_timestamp((letter->>'created')::bigint), 'webhook', 1, 'received'
        FROM (SELECT set_config('app.organization_id', %(organization)s, true) OFFSET 0)
                AS told (organization),
            LATERAL (SELECT %(body)s::jsonb) AS sent (letter),
            LATERAL (SELECT letter->'data'->'object') AS of (subject)
        RETURNING organization_id, id
    )
    INSERT INTO outbox (organization_id, id, name, queue, arguments, state, attempts, dedupe_key)
    SELECT organization_id, uuidv7(), 'react_to_event', 'now', jsonb_build_object('event_id', id), 'queued',
        0, id
    FROM event
"""


def app(connection: psycopg.Connection[Any], organization_id: UUID, processor_id: UUID) -> Flask:
    bare = Flask("floor")
    here = {"organization": str(organization_id), "processor": processor_id}

    @bare.post("/floor")
    def insert() -> str:
        body = request.get_data(as_text=True)
        connection.execute(_STORE, {**here, "body": body})
        connection.commit()
        return "Received.\n"

    return bare

"""Does what it is told in forks of its own, each of which dies where it is told to, as if killed.

One order a line on standard input: `[fail_at, organization_id, kind, id]`, kind `job` or `checkout`. The exit
status of the fork comes back: 137 when it died at the named place, 0 when it never came by there.
"""

import json
import os
import sys
from uuid import UUID

from webapp.core import failpoints, tenancy
from webapp.core.db import db
from webapp.web import paying
from webapp.workers import runner
from wsgi import app


def do(organization_id: str, kind: str, row_id: str) -> None:
    if kind == "job":
        runner.perform(organization_id, row_id)
        return
    with tenancy.acting_for(UUID(organization_id)), app.test_request_context():
        paying.open_checkout(UUID(row_id), paying.addresses("/pay"))


def main() -> None:
    for line in sys.stdin:
        fail_at, organization_id, kind, row_id = json.loads(line)
        child = os.fork()
        if child == 0:
            failpoints.passing = failpoints.reader(fail_at)
            with app.app_context():
                db.engine.dispose(close=False)
                do(organization_id, kind, row_id)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()

"""`python -m webapp.workers now mail bulk`: one worker, listening to these queues in this order."""

import sys

from webapp.workers.worker import work

if __name__ == "__main__":
    work(sys.argv[1:] or ["now", "mail", "bulk"])

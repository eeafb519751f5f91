"""What a web server and the flask command load."""

import sys

from webapp import config, wiring
from webapp.adapters.embedded import EmbeddedServerError
from webapp.app import behind_proxies, create_app

try:
    settings = wiring.complete(config.load(**config.from_command_line(sys.argv)))
    app = create_app(settings)
    application = behind_proxies(app, settings.proxies)
except (config.SettingsError, EmbeddedServerError) as refusal:
    sys.exit(f"Duesbook can't start: {refusal}")

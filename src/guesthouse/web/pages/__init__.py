"""Every page, one module for each subject; no rule of the product is here."""

from typing import Final

from guesthouse.web.pages import environments, home, instances, live, runs, styleguide

ROUTERS: Final = (
    home.router,
    environments.router,
    runs.router,
    instances.router,
    live.router,
    styleguide.router,
)

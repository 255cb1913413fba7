"""Every page, one module for each subject; no rule of the product is here."""

from typing import Final

from guesthouse.web.pages import (
    account,
    accounts,
    audit,
    device,
    entrance,
    environments,
    home,
    instances,
    invitation,
    live,
    offboarding,
    partners,
    runs,
    signin,
    styleguide,
    tokens,
    totp,
)

ROUTERS: Final = (
    home.router,
    environments.router,
    runs.router,
    instances.router,
    live.router,
    signin.router,
    entrance.router,
    invitation.router,
    account.router,
    totp.router,
    tokens.router,
    accounts.router,
    partners.router,
    offboarding.router,
    audit.router,
    device.router,
    styleguide.router,
)

"""Signing in with the company's OpenID provider, where the settings name one."""

from guesthouse.config import Settings
from guesthouse.errors import Invalid
from guesthouse.instances.plan import console_url
from guesthouse.people.groups import GroupMapping, mapping_of
from guesthouse.people.oidc import ExternalSignIn
from guesthouse.people.parts import PeopleParts
from guesthouse.people.signin import SignIn

CALLBACK = "/sign-in/oidc/callback"


class ProviderIncomplete(Invalid):
    """An issuer alone lets nobody in."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"GUESTHOUSE_OIDC_ISSUER is set, but GUESTHOUSE_OIDC_{name} is not",
            next_step="set it, or take the issuer away; docs/howto/openid.md shows how",
        )


def group_mapping(settings: Settings) -> GroupMapping:
    """Return what groups of the provider give.

    Raises:
        MappingInvalid: The setting cannot be read.
    """
    return mapping_of(settings.oidc_groups)


def external_sign_in(
    settings: Settings, parts: PeopleParts, sign_in: SignIn
) -> ExternalSignIn | None:
    """Return the way in by the provider; None where there is none.

    Raises:
        ProviderIncomplete: The settings name one, but not all that it needs.
    """
    if not settings.oidc_issuer:
        return None
    if not settings.oidc_client_id:
        raise ProviderIncomplete("CLIENT_ID")
    if not parts.groups.grants:
        raise ProviderIncomplete("GROUPS")
    # Here and not above: it takes longer to load than all that who has no provider needs.
    from guesthouse.adapters.oidc import OpenIdClient, Registration  # noqa: PLC0415

    registration = Registration(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        redirect_uri=callback_address(settings),
        groups_claim=settings.oidc_groups_claim,
    )
    return ExternalSignIn(parts, sign_in, OpenIdClient(registration, parts.clock))


def callback_address(settings: Settings) -> str:
    """Return where the provider sends browsers back to, as it must be registered there."""
    return console_url(settings.domain, settings.gateway_port) + CALLBACK

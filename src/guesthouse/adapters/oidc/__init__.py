"""Signs people in with the company's OpenID provider: authorization code with PKCE."""

from guesthouse.adapters.oidc.client import OpenIdClient as OpenIdClient
from guesthouse.adapters.oidc.client import Registration as Registration

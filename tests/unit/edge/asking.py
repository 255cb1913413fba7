"""Asks for a route with whatever it takes: names, bodies, forms."""

from typing import Any

from tests.fakes.services import ESTATE
from tests.unit.edge import rows_pages
from tests.unit.edge.rows_api import V1
from tests.unit.edge.world import Answer, World

GATEWAY = {"X-Guesthouse-Environment": "acme", "X-Guesthouse-Route": "app"}
NEWCOMER = {"login": "second", "title": "Second", "role": "viewer"}
ESTATE_BODY = {"documents": dict(ESTATE)}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("PUT", f"{V1}/environments/{{name}}/secrets/{{secret}}"): {"value": "given"},
    ("POST", f"{V1}/estate/plan"): ESTATE_BODY,
    ("POST", f"{V1}/estate/apply"): ESTATE_BODY,
    ("POST", f"{V1}/partners"): {"name": "third", "title": "Third Ltd"},
    ("PUT", f"{V1}/partners/{{name}}/members/{{login}}"): {"role": "developer"},
    ("POST", f"{V1}/partners/{{name}}/invitations"): NEWCOMER,
    ("POST", f"{V1}/invitations"): {**NEWCOMER, "partner": "acme"},
    ("POST", f"{V1}/tokens"): {"name": "laptop", "scopes": ["env:read"]},
    ("POST", f"{V1}/device"): {"client_id": "guesthouse"},
}


def ask(world: World, method: str, path: str, headers: dict[str, str]) -> Answer:
    """Send a request to a route as the matrix knows it.

    Args:
        world: Whom to ask.
        method: The route's.
        path: The route's, with names in braces.
        headers: Of one of the cast.
    """
    names = dict(world.names)
    if path.startswith(f"{V1}/instances"):
        names["name"] = "spare" if method == "DELETE" else "local"
    body = BODIES.get((method, path))
    if path == f"{V1}/device/token":
        body = {"device_code": world.codes["device"]}
    if path.startswith("/api/"):
        return world.ask(method, path.format(**names), {**GATEWAY, **headers}, body=body)
    form = rows_pages.FORMS.get((method, path))
    address = rows_pages.ADDRESSES.get((method, path), path)
    form = None if form is None else {k: v.format(**world.codes) for k, v in form.items()}
    return world.ask(method, address.format(**names, **world.codes), headers, form=form)

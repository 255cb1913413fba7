"""What everybody gets from each route of the API; a route that is not here fails the matrix."""

V1 = "/api/v1"
ANYONE = "200 200 200 200 200 200 200 200 200 200"
# In the order of `world.CAST`:
#   anonymous outsider viewer developer manager auditor operator enrolling tests reader
ROWS: dict[tuple[str, str], str] = {
    ("GET", f"{V1}/runs"): "401 200 200 200 200 200 200 403 403 200",
    ("GET", f"{V1}/runs/{{run_id}}"): "401 404 200 200 200 200 200 403 403 200",
    ("GET", f"{V1}/runs/{{run_id}}/log"): "401 404 200 200 200 200 200 403 403 200",
    ("GET", f"{V1}/runs/{{run_id}}/junit"): "401 404 200 200 200 200 200 403 403 200",
    ("POST", f"{V1}/runs/{{run_id}}/cancel"): "401 404 403 200 200 403 200 403 403 403",
    ("GET", f"{V1}/environments"): "401 200 200 200 200 200 200 403 403 200",
    ("GET", f"{V1}/environments/{{name}}"): "401 404 200 200 200 200 200 403 403 200",
    ("GET", f"{V1}/environments/{{name}}/lock"): "401 404 403 200 200 200 200 403 403 200",
    ("GET", f"{V1}/environments/{{name}}/secrets"): "401 404 403 200 200 200 200 403 403 200",
    (
        "PUT",
        f"{V1}/environments/{{name}}/secrets/{{secret}}",
    ): "401 404 403 403 200 403 200 403 403 403",
    ("POST", f"{V1}/environments/{{name}}/deploy"): "401 404 403 202 202 403 202 403 403 403",
    ("DELETE", f"{V1}/environments/{{name}}"): "401 404 403 403 202 403 202 403 403 403",
    ("GET", f"{V1}/environments/{{name}}/activity"): "401 404 200 200 200 200 200 403 403 200",
    ("GET", f"{V1}/instances"): "401 403 403 403 403 200 200 403 403 200",
    ("GET", f"{V1}/instances/{{name}}"): "401 403 403 403 403 200 200 403 403 200",
    ("POST", f"{V1}/instances/{{name}}/provision"): "401 403 403 403 403 403 202 403 403 403",
    ("DELETE", f"{V1}/instances/{{name}}"): "401 403 403 403 403 403 202 403 403 403",
    ("POST", f"{V1}/estate/plan"): "401 403 403 403 403 403 200 403 403 403",
    ("POST", f"{V1}/estate/apply"): "401 403 403 403 403 403 202 403 403 403",
    ("GET", f"{V1}/products"): "401 200 200 200 200 200 200 403 403 200",
    ("GET", f"{V1}/partners"): "401 200 200 200 200 200 200 403 403 200",
    ("POST", f"{V1}/partners"): "401 403 403 403 403 403 201 403 403 403",
    ("GET", f"{V1}/partners/{{name}}"): "401 404 200 200 200 200 200 403 403 200",
    ("GET", f"{V1}/partners/{{name}}/members"): "401 404 200 200 200 200 200 403 403 200",
    (
        "PUT",
        f"{V1}/partners/{{name}}/members/{{login}}",
    ): "401 404 403 403 204 403 204 403 403 403",
    (
        "DELETE",
        f"{V1}/partners/{{name}}/members/{{login}}",
    ): "401 404 403 403 200 403 200 403 403 403",
    ("GET", f"{V1}/partners/{{name}}/invitations"): "401 404 200 200 200 200 200 403 403 200",
    ("POST", f"{V1}/partners/{{name}}/invitations"): "401 404 403 403 201 403 201 403 403 403",
    ("GET", f"{V1}/invitations"): "401 200 200 200 200 200 200 403 403 200",
    ("POST", f"{V1}/invitations"): "401 404 403 403 201 403 201 403 403 403",
    ("DELETE", f"{V1}/invitations/{{invitation}}"): "401 404 403 403 204 403 204 403 403 403",
    ("GET", f"{V1}/accounts"): "401 403 403 403 403 200 200 403 403 200",
    ("POST", f"{V1}/accounts/{{login}}/disable"): "401 403 403 403 403 403 200 403 403 403",
    ("POST", f"{V1}/accounts/{{login}}/enable"): "401 403 403 403 403 403 204 403 403 403",
    ("POST", f"{V1}/accounts/{{login}}/reset"): "401 403 403 403 403 403 201 403 403 403",
    ("GET", f"{V1}/partners/{{name}}/offboard"): "401 403 403 403 403 403 200 403 403 403",
    ("POST", f"{V1}/partners/{{name}}/offboard"): "401 403 403 403 403 403 200 403 403 403",
    # 409: it was not offboarded.
    ("POST", f"{V1}/partners/{{name}}/readmit"): "401 403 403 403 403 403 409 403 403 403",
    ("GET", f"{V1}/whoami"): "401 200 200 200 200 200 200 200 403 200",
    ("GET", f"{V1}/tokens"): "401 200 200 200 200 200 200 200 403 403",
    ("POST", f"{V1}/tokens"): "401 201 201 201 201 201 201 403 403 403",
    # Somebody else's: an operator may end any, everybody else only their own.
    ("DELETE", f"{V1}/tokens/{{token}}"): "401 404 404 404 404 404 204 404 403 404",
    ("GET", f"{V1}/sessions"): "401 200 200 200 200 200 200 200 403 403",
    ("DELETE", f"{V1}/sessions/{{session}}"): "401 404 404 404 404 404 404 404 403 403",
    ("POST", f"{V1}/device"): ANYONE,
    # 400: nobody has confirmed yet.
    ("POST", f"{V1}/device/token"): ANYONE.replace("200", "400"),
    ("GET", f"{V1}/audit"): "401 403 403 403 403 200 200 403 403 200",
    ("GET", f"{V1}/audit/verify"): "401 403 403 403 403 200 200 403 403 200",
    ("GET", f"{V1}/audit/export"): "401 403 403 403 403 200 200 403 403 200",
    ("GET", f"{V1}/ca"): ANYONE,
    ("GET", f"{V1}/health"): ANYONE,
    ("GET", f"{V1}/openapi.json"): "401 200 200 200 200 200 200 200 403 200",
    # Gateways ask with the visitor's token or a cookie of the route's host, never the console's.
    ("GET", "/api/internal/authorise"): "401 401 401 401 401 401 401 401 204 403",
    ("GET", "/api/internal/enter"): ANYONE.replace("200", "403"),
    ("POST", "/api/internal/leave"): ANYONE.replace("200", "303"),
}

"""What everybody gets from each page; a page that is not here fails the matrix."""

# 303 is the page where one signs in or enrols, or, after a form, the next page.
# In the order of `world.CAST`:
#   anonymous outsider viewer developer manager auditor operator enrolling tests reader
ROWS: dict[tuple[str, str], str] = {
    ("GET", "/static/{name}"): "404 404 404 404 404 404 404 404 404 404",
    ("GET", "/"): "303 200 200 200 200 200 200 303 403 200",
    ("GET", "/environments/{name}"): "303 404 200 200 200 200 200 303 403 200",
    ("GET", "/environments/{name}/runs"): "303 404 200 200 200 200 200 303 403 200",
    ("GET", "/environments/{name}/activity"): "303 404 200 200 200 200 200 303 403 200",
    ("GET", "/environments/{name}/start"): "303 404 200 200 200 200 200 303 403 200",
    ("POST", "/environments/{name}/deploy"): "303 404 403 303 303 403 303 303 403 403",
    ("POST", "/environments/{name}/destroy"): "303 404 403 403 303 403 303 303 403 403",
    ("GET", "/runs"): "303 200 200 200 200 200 200 303 403 200",
    ("GET", "/runs/{run_id}"): "303 404 200 200 200 200 200 303 403 200",
    ("GET", "/runs/{run_id}/tests"): "303 404 200 200 200 200 200 303 403 200",
    ("GET", "/runs/{run_id}/log.txt"): "303 404 200 200 200 200 200 303 403 200",
    ("POST", "/runs/{run_id}/cancel"): "303 404 403 303 303 403 303 303 403 403",
    ("GET", "/instances"): "303 403 403 403 403 200 200 303 403 200",
    ("GET", "/live"): "303 200 200 200 200 200 200 303 403 200",
    ("GET", "/styleguide"): "303 403 403 403 403 403 200 303 403 403",
}
ADDRESSES: dict[tuple[str, str], str] = {}
"""Where the path alone is not enough: with a query, or names filled in."""
FORMS: dict[tuple[str, str], dict[str, str]] = {
    ("POST", "/environments/{name}/destroy"): {"confirm": "acme"},
}
"""What is filled in; names in braces are those of `World.codes`."""

"""A product small enough to deploy in seconds, and the ways it can be broken."""

from tests.acceptance.repository import Repository

MANIFEST = """\
product: tiny
title: Tiny
stacks:
  core: {compose: [compose.yaml]}
routes:
  web: {stack: core, service: web, port: 8080}
  open: {stack: core, service: web, port: 8080, access: public}
tests: {stack: core, service: checks, junit: /results/junit.xml, timeout: 60}
health: {wait: 20, settle: 2}
secrets:
  SESSION_KEY: {description: Signs nothing in particular}
"""
COMPOSE = """\
services:
  web:
    build: {context: .}
    command: [busybox, httpd, -f, -p, "8080", -h, /www]
    environment: {SESSION_KEY: "${SESSION_KEY}"}
    healthcheck: {test: [CMD, busybox, wget, -q, -O, "-", "http://127.0.0.1:8080/"], interval: 10s}
  checks:
    build: {context: .}
    profiles: [test]
    command: [sh, /checks.sh]
"""
DOCKERFILE = """\
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends busybox-static curl
RUN mkdir /www /results
COPY index.html /www/
COPY checks.sh /
"""
CHECKS = """\
set -e
echo "<testsuite tests='1'><testcase name='serves'/></testsuite>" > /results/junit.xml
# curl takes every *.localhost for its own machine, whatever the container's hosts file says.
host=${GUESTHOUSE_URL_WEB#https://}
gateway=$(getent hosts "${host%:*}" | cut -d' ' -f1)
curl --silent --show-error --fail --cacert "$GUESTHOUSE_CA" --connect-to "::$gateway:" \\
    -H "Authorization: Bearer $GUESTHOUSE_TOKEN" "$GUESTHOUSE_URL_WEB/"
"""
RED_CHECKS = """\
echo "<testsuite tests='1' failures='1'><testcase name='serves'><failure/></testcase>" \\
    "</testsuite>" > /results/junit.xml
echo "the answer is wrong"
exit 1
"""


class Tiny(Repository):
    """The product's repository; each change is a whole version."""

    def commit(self, page: str = "one", **files: str) -> str:
        """Commit a version; files by name, with _ for the dot."""
        texts = {
            "guesthouse.product.yaml": MANIFEST,
            "compose.yaml": COMPOSE,
            "Dockerfile": DOCKERFILE,
            "checks.sh": CHECKS,
            "index.html": f"{page}\n",
            **{name.replace("_", "."): text for name, text in files.items()},
        }
        return self.write(page, texts)


def estate(url: str, *, instance: str = "local", **environment: object) -> dict[str, object]:
    """Return an estate of one environment of the product."""
    return {
        "estate.yaml": {"name": "tiny", "domain": "localhost", "apps_domain": "apps.localhost"},
        "products/tiny.yaml": {"name": "tiny", "source": {"git": url, "ref": "main"}},
        "partners/acme.yaml": {"name": "acme", "title": "Acme Ltd"},
        f"instances/{instance}.yaml": {"name": instance, "provider": "local"},
        "environments/tiny-acme.yaml": {
            "name": "tiny-acme",
            "partner": "acme",
            "product": "tiny",
            "instance": instance,
            "phase": "development",
            **environment,
        },
    }

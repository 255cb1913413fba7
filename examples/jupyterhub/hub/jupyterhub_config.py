"""The hub: its own sign-in, PostgreSQL for what it knows, the proxy in a container of its own."""

import os
from pathlib import Path

from sqlalchemy import URL
from traitlets.config import get_config

c = get_config()

HOME = Path("/srv/jupyterhub")

# The proxy takes its routes from the hub; only whoever has the token may change them.
c.JupyterHub.proxy_class = "configurable-http-proxy"
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = "http://proxy:8001"
c.ConfigurableHTTPProxy.auth_token = os.environ["PROXY_TOKEN"]

# The proxy and people's servers speak to the hub under its service's name.
c.JupyterHub.hub_ip = "0.0.0.0"  # noqa: S104 - the container's own network, nothing is published
c.JupyterHub.hub_connect_ip = "hub"

c.JupyterHub.db_url = URL.create(
    "postgresql+psycopg",
    username="jupyterhub",
    password=os.environ["DATABASE_PASSWORD"],
    host="database",
    database="jupyterhub",
).render_as_string(hide_password=False)
c.JupyterHub.cookie_secret_file = str(HOME / "cookie-secret")

# One password for everybody, one for the administrator.
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = os.environ["USER_PASSWORD"]
c.SharedPasswordAuthenticator.admin_password = os.environ["ADMIN_PASSWORD"]
c.Authenticator.admin_users = {"admin"}
c.Authenticator.allow_all = True

# People's servers are processes beside the hub, with a directory each, all under one user of
# the system: good for people who trust one another, and for trying things.
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(HOME / "homes" / "{username}")
c.Spawner.ip = "hub"
c.Spawner.cmd = ["jupyterhub-singleuser"]
c.Spawner.start_timeout = 180
c.Spawner.http_timeout = 180
c.Spawner.env_keep = ["PATH", "LANG"]

# A person may make tokens and start servers of their own; nobody's server outlives a restart.
c.JupyterHub.cleanup_servers = True

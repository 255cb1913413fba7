#!/usr/bin/python
"""Deploys a Compose project, tests it, takes it back, removes it: each in one task."""

from __future__ import annotations

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_actions import perform
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_deployment import (
    BadDeployment,
    read,
)
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_watch import Watch

DOCUMENTATION = r"""
module: stack
short_description: A whole deployment of a Compose project in one task
description:
  - Receives sources, builds, starts, verifies by inspect, waits until every service is up,
    switches the routes, and swaps the current version only then. Whatever fails is put back.
  - A failure is an answer, not a failed task. See C(guesthouse.failure).
  - When the control plane goes away or a signal comes, the deployment is cancelled and put back.
options:
  deployment:
    description:
      - What to do, one document. Its keys are described in C(docs/explanation/way-through.md).
      - C(bundle) is a path on the control plane; the file is brought to the instance.
    type: dict
    required: true
author: [Guesthouse maintainers]
"""

EXAMPLES = r"""
- name: Deploy
  guesthouse.platform.stack:
    deployment:
      action: deploy
      root: /var/lib/guesthouse/environments/acme
      project: gh-acme
      environment: acme
      run: "0194"
      log: /var/lib/guesthouse/environments/acme/runs/0194.log
      compose: "{{ lookup('file', 'compose.yaml') }}"
      expected: {web: {replicas: 1}}
"""

RETURN = r"""
guesthouse:
  description: The answer; C(failure) is null when all went well.
  type: dict
  returned: always
"""


def main() -> None:
    """Do what is asked and print the answer."""
    watch = Watch()
    module = AnsibleModule(
        # `no_log` keeps the secrets in it out of the instance's system log.
        argument_spec={"deployment": {"type": "dict", "required": True, "no_log": True}},
    )
    # It would also blot out every value of the deployment in the answer: names of services, paths.
    # The answer holds none of the secrets, and the arguments are not repeated in it.
    module.no_log_values.clear()
    try:
        deployment = read(module.params["deployment"])
    except BadDeployment as exc:
        module.fail_json(msg=f"The deployment makes no sense: {exc}", invocation={})
    # The module has no settings of its own to read this from: it is the instance's.
    docker_host = os.environ.get("DOCKER_HOST")  # noqa: TID251
    answer = perform(deployment, watch, docker_host=docker_host)
    module.exit_json(changed=answer["changed"], guesthouse=answer, invocation={})


if __name__ == "__main__":
    main()

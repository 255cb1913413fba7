"""Brings the sources to the instance, then runs the module: still one task."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """What runs on the control plane for `guesthouse.platform.stack`."""

    TRANSFERS_FILES = True
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict:
        """Copy the bundle where the instance is another machine, and run the module."""
        result = super().run(tmp, task_vars)
        del tmp
        deployment = self._task.args.get("deployment")
        if not isinstance(deployment, dict):
            problem = "`deployment` is a dictionary"
            raise AnsibleActionFail(problem)
        arguments = {**self._task.args, "deployment": self._with_bundle(deployment)}
        try:
            result.update(self._execute_module(module_args=arguments, task_vars=task_vars))
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)  # noqa: SLF001 - Ansible's own way
        return result

    def _with_bundle(self, deployment: dict[str, Any]) -> dict[str, Any]:
        bundle = deployment.get("bundle")
        # On this very machine the module reads it where it is.
        if not bundle or self._connection.transport == "local":
            return deployment
        if self._connection._shell.tmpdir is None:  # noqa: SLF001
            self._make_tmp_path()
        place = self._connection._shell.join_path(self._connection._shell.tmpdir, "bundle.tar")  # noqa: SLF001
        return {**deployment, "bundle": self._transfer_file(bundle, place)}

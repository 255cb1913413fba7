"""Prints each result as one line of JSON, for the control plane to read as it is written."""

from __future__ import annotations

import json

from ansible.executor.stats import AggregateStats
from ansible.executor.task_result import CallbackTaskResult
from ansible.playbook.task import Task
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: events
type: stdout
short_description: one line of JSON for each event
description:
  - What Guesthouse reads while a playbook runs; by hand the default callback is kinder.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Turns Ansible's events into lines."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "events"

    def _say(self, event: str, **facts: object) -> None:
        self._display.display(json.dumps({"event": event, **facts}, default=str))

    def v2_playbook_on_task_start(self, task: Task, is_conditional: bool) -> None:  # noqa: ARG002, FBT001
        """Tell which task starts."""
        self._say("task", task=task.get_name())

    def v2_playbook_on_handler_task_start(self, task: Task) -> None:
        """Tell which handler starts."""
        self._say("task", task=task.get_name())

    def v2_runner_on_ok(self, result: CallbackTaskResult) -> None:
        """Tell that a task ended well."""
        values = result.result
        answer = values.get("guesthouse")
        self._say(
            "ok",
            task=result.task.get_name(),
            changed=bool(values.get("changed")),
            guesthouse=answer if isinstance(answer, dict) else None,
        )

    def v2_runner_on_skipped(self, result: CallbackTaskResult) -> None:
        """Tell that a task did not apply."""
        self._say("skipped", task=result.task.get_name())

    def v2_runner_retry(self, result: CallbackTaskResult) -> None:
        """Tell that a task is tried again."""
        self._say("retry", task=result.task.get_name(), attempts=result.result.get("attempts"))

    def v2_runner_on_failed(self, result: CallbackTaskResult, ignore_errors: bool = False) -> None:  # noqa: FBT001, FBT002
        """Tell that a task failed, and what it said."""
        values = result.result
        said = [str(values[name]) for name in ("stdout", "stderr") if values.get(name)]
        self._say(
            "ignored" if ignore_errors else "failed",
            task=result.task.get_name(),
            message=str(values.get("msg", "")),
            output="\n".join(said),
        )

    def v2_runner_on_unreachable(self, result: CallbackTaskResult) -> None:
        """Tell that the machine did not let us in."""
        message = str(result.result.get("msg", ""))
        self._say("unreachable", task=result.task.get_name(), message=message)

    def v2_playbook_on_stats(self, stats: AggregateStats) -> None:
        """Tell how much was changed."""
        self._say(
            "stats", changed=sum(stats.changed.values()), failed=sum(stats.failures.values())
        )

"""DBOS, wrapped: the only module that knows it.

A run is one workflow with the run's id. The workflow's body knows nothing but that id; it calls
back into the worker, which finds everything else in our own tables. DBOS remembers which
workflows exist and hands them out again after a crash. docs/decisions/ says what was measured.
"""

import logging
from collections.abc import Callable, Collection
from pathlib import Path

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, SetWorkflowID

APPLICATION = "guesthouse"
# Fixed: a new release takes over the runs of the release before; plan.decide sees to differences.
VERSION = "1"
WORKFLOW = "run"
SCHEMA = "dbos"
ENDED = frozenset({"SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"})
logger = logging.getLogger(__name__)


class LeftForRecovery(BaseException):
    """The worker stops with the run unfinished.

    DBOS notes any Exception as the workflow's end; a BaseException leaves it to be recovered.
    """


class Durable:
    """Workflows by run id. Its methods wait for the database: call them in a thread."""

    def __init__(self, url: sa.URL, state: Path, executor: str) -> None:
        """Say where DBOS keeps its tables.

        Args:
            url: Our database; on PostgreSQL DBOS gets a schema in it.
            state: Where DBOS's own SQLite file lies otherwise.
            executor: The worker's name, another at each start.
        """
        self._url = url
        self._state = state
        self._executor = executor
        self._run: Callable[[str], bool] | None = None

    def launch(self, body: Callable[[str], bool]) -> None:
        """Start DBOS.

        Args:
            body: Executes the run of an id in the thread it is called in; False: it did not end
                and is to be recovered.
        """
        self._prepare_sqlite()
        DBOS(config=self._config())

        @DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)
        def execute(run_id: str) -> None:
            if not _carefully(body, run_id):
                raise LeftForRecovery

        self._workflow = execute
        DBOS.launch()

    def close(self) -> None:
        """Stop DBOS's threads; its workflows stay for the next worker."""
        DBOS.destroy(destroy_registry=True)

    def ensure(self, run_id: str, alive: Collection[str]) -> None:
        """See to it that a running run is with a worker, or on its way to one.

        Harmless to repeat, and to do in several workers at once.

        Args:
            run_id: A run that no worker holds.
            alive: Names of the workers that live.
        """
        status = DBOS.get_workflow_status(run_id)
        if status is None:
            with SetWorkflowID(run_id):
                DBOS.start_workflow(self._workflow, run_id)
        elif status.status in ENDED:
            DBOS.rewind_workflow(run_id)
        elif status.status == "PENDING" and status.executor_id not in alive:
            # What DBOS's own paid recovery service calls; it has no public name. It matches only
            # workflows that these executors still own, so two callers do no harm.
            DBOS._recover_pending_workflows([str(status.executor_id)])  # noqa: SLF001 - see above

    def _prepare_sqlite(self) -> None:
        """Choose the write-ahead log, which the file remembers: DBOS's own choice waits longer."""
        if self._url.get_backend_name() != "sqlite":
            return
        engine = sa.create_engine(self._sqlite_url)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        engine.dispose()

    @property
    def _sqlite_url(self) -> str:
        return f"sqlite:///{self._state / 'dbos.sqlite'}"

    def _config(self) -> DBOSConfig:
        is_sqlite = self._url.get_backend_name() == "sqlite"
        url = self._sqlite_url if is_sqlite else self._url.render_as_string(hide_password=False)
        return {
            "name": APPLICATION,
            "application_version": VERSION,
            "executor_id": self._executor,
            "system_database_url": url,
            "dbos_system_schema": SCHEMA,
            "use_listen_notify": False,
            # Its thread looks only at what someone waits for, which is nothing here; but stopping
            # waits for its next look.
            "notification_listener_polling_interval_sec": 0.1,
            "log_level": "ERROR",
            "enable_otlp": False,
        }


def _carefully(body: Callable[[str], bool], run_id: str) -> bool:
    """Run the body; whatever goes wrong in it, the workflow must stay recoverable."""
    try:
        return body(run_id)
    except Exception:
        logger.exception("run.worker_error", extra={"run": run_id})
        return False

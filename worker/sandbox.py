"""How workflows run: passed through in production, fully sandboxed in tests and replays.

The sandbox re-executes the workflow modules for every run, and here a run is a revision; the tests and the replay
of recorded histories run with it, and refuse any import that is not listed here.
"""

from __future__ import annotations

from temporalio import workflow
from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

# Models and activity references; children are covered.
PASSED_THROUGH = ("argosy", "activities")


def production_runner() -> WorkflowRunner:
    """Fast: no sandbox."""
    return UnsandboxedWorkflowRunner()


def strict_runner() -> WorkflowRunner:
    """Safe: the full sandbox, and an error for every import of the workflow modules that is not listed."""
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    return SandboxedWorkflowRunner(
        restrictions=restrictions.with_import_notification_policy(
            workflow.SandboxImportNotificationPolicy.WARN_ON_DYNAMIC_IMPORT
        )
    )

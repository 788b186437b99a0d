"""Every failure has a type, and the type decides what happens next.

    ArgosyError
    ├── UserError            the request is wrong; a person must change it        exit 2
    │   ├── InvalidInput       unreadable YAML, unknown field, bad value
    │   └── NotFound           a named thing does not exist
    ├── Refused              valid, but not allowed now                            exit 4
    │   ├── Conflict           another owner, another writer, another server
    │   │   └── Superseded       the object carries a newer stamp than the one to be applied
    │   ├── Forbidden          the credentials do not permit it
    │   └── OutOfReach         another worker than this one has to reach the cluster
    ├── Rejected             a member cluster judged the object invalid            exit 1
    │   └── Immutable          fields of an existing object cannot be changed
    ├── OverrideError        an override policy cannot be applied for one cluster  exit 1
    ├── InterpreterError     a customization's script is at fault                  exit 1
    │   └── NotCustomized      no customization covers this kind and operation
    ├── Absent               a member cluster does not have the object             exit 1
    └── Transient            may pass by itself; retried                           exit 1
        ├── Unreachable        no answer from a server
        │   └── NoWorker         nobody takes work from the queue of a cluster in pull mode
        ├── Unauthorized       the credentials are expired or unknown; they may be renewed
        ├── Throttled          the server asks for patience (`retry_after`)
        ├── NamespaceMissing   the object's namespace is not there yet
        ├── Raced              somebody else was faster; looking again decides
        ├── Expired            a position in a list or watch is too old; it is read anew
        ├── InterpreterLost    the process that ran a script ended, and not by the script
        ├── Terminating        the object is on its way out and has to be gone first
        └── NotEstablished     a kind is not served yet (its CRD may be on the way)

`retryable` says whether Temporal tries again. Messages are one sentence that ends in the next step.
"""

from __future__ import annotations


class ArgosyError(Exception):
    """Base of all expected failures; `str()` is fit to be shown to a person.

    Attributes:
        retryable: whether the same attempt may succeed later without a person.
        exit_code: what the command line ends with when this error reaches it.
    """

    retryable: bool = False
    exit_code: int = 1

    @property
    def category(self) -> str:
        """The stable name of this failure, used as Temporal's failure type."""
        return type(self).__name__


class UserError(ArgosyError):
    exit_code = 2


class InvalidInput(UserError):
    """Input that cannot be read or does not mean anything valid."""


class NotFound(UserError):
    """A thing the user named does not exist."""


class Refused(ArgosyError):
    exit_code = 4


class Conflict(Refused):
    """Another owner, writer or server holds what was asked for."""


class Superseded(Conflict):
    """The object in the cluster was applied from a newer revision or pass than the one at hand."""


class Forbidden(Refused):
    """The credentials in use do not permit the action."""


class OutOfReach(Refused):
    """The cluster is for another worker to reach: for the one inside it, or for others than that one."""


class Rejected(ArgosyError):
    """A member cluster's API server judged the object itself invalid."""


class Immutable(Rejected):
    """An existing object has fields that cannot be changed; only a new object can have the new values."""


class OverrideError(ArgosyError):
    """An override policy cannot be applied to a template for one cluster; the others are not affected."""


class InterpreterError(ArgosyError):
    """A customization's script does not load, fails, exceeds its limits, or answers what it may not."""


class NotCustomized(InterpreterError):
    """No customization has a script for this operation on this kind."""


class Absent(ArgosyError):
    """A member cluster does not have the object."""


class Transient(ArgosyError):
    """A failure that may pass by itself.

    Attributes:
        retry_after: seconds that the server asked to wait, or None for the default back-off.
    """

    retryable = True

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unreachable(Transient):
    """No answer from a server: refused, timed out, black-holed, TLS or name failure."""


class NoWorker(Unreachable):
    """No worker takes work from the task queue of a cluster in pull mode."""


class Unauthorized(Transient):
    """The credentials are expired or unknown to the server; whoever rotates them may renew them."""


class NamespaceMissing(Transient):
    """The object's namespace does not exist in the cluster."""


class Raced(Transient):
    """Another writer changed or replaced the object in the meantime; looking again decides."""


class Expired(Transient):
    """A position in a list or watch is older than what the server remembers."""


class InterpreterLost(Transient):
    """The process that ran a script ended, and not by what the script did; a new one takes its place."""


class Terminating(Transient):
    """The object is being deleted; finalizers or its grace period hold it."""


class Throttled(Transient):
    """The server answered and asks for patience."""


class NotEstablished(Transient):
    """The kind is not served by this cluster yet; its CRD may be on the way."""


def named(category: str, message: str) -> ArgosyError:
    """The failure of the given category, as Temporal carries it; an unknown one is a plain ArgosyError."""
    pending = [ArgosyError]
    while pending:
        kind = pending.pop()
        if kind.__name__ == category:
            return kind(message)
        pending += kind.__subclasses__()
    return ArgosyError(message)

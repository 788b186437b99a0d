"""Every timeout, retry policy and task queue of the workflows, in one place."""

from __future__ import annotations

from datetime import timedelta

from temporalio.common import RetryPolicy

# Decides how fast work resumes after a worker's crash.
TASK_TIMEOUT = timedelta(seconds=3)
# So does this: what is due just after a crash is offered to the dead worker alone for so long.
STICKY_TIMEOUT = timedelta(seconds=2)

# And this: whoever takes a cluster over replays its history first, a thousand events a second on a slow machine.
CLUSTER_EVENTS = 250

HEALTH_QUEUE = "health"

PLAN_TIMEOUT = timedelta(seconds=2.5)
PLAN_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), backoff_coefficient=2, maximum_interval=timedelta(seconds=5)
)

# The HTTP timeout of a member call is 4 s; an attempt is one call, or a few on the careful path.
APPLY_TIMEOUT = timedelta(seconds=5)
# A first attempt as a part of the task that begins a run; what is slower or fails goes the regular way.
AT_ONCE_TIMEOUT = timedelta(seconds=0.7)
AT_ONCE_RETRY = RetryPolicy(maximum_attempts=1)
AT_ONCE_TARGETS = 8
# More are attempted together, so many by one activity; it is over before APPLY_TIMEOUT, whoever has not answered.
TOGETHER_AT_MOST = 25
APPLY_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(seconds=15)
)
# How soon it is said that the worker inside a cluster is away; the work then waits until it is back.
INSIDE_PATIENCE = timedelta(seconds=10)
INSIDE_WAIT = timedelta(hours=1)
# Asking every cluster of a large fleet, some of which do not answer, takes a while; progress is heartbeated.
FIND_TIMEOUT = timedelta(minutes=10)
FIND_HEARTBEAT = timedelta(seconds=8)

# Concurrent applies of one propagation; larger windows only make more workflow tasks.
APPLY_WINDOW = 100

# Where nothing fits, placing is tried again without an event, as Karmada does with what it has parked.
PLACE_AGAIN_FIRST = timedelta(seconds=30)
PLACE_AGAIN_AT_MOST = timedelta(minutes=5)

# Clocks differ; what is due by one and not yet by the other is not asked for in a loop.
SHORTEST_PAUSE = timedelta(milliseconds=200)

MESSAGE_TIMEOUT = timedelta(seconds=10)
MESSAGE_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(seconds=10)
)

# Telling many propagations takes as long as there are many; progress is heartbeated.
NOTIFY_TIMEOUT = timedelta(hours=1)
NOTIFY_HEARTBEAT = timedelta(seconds=15)

INSPECT_TIMEOUT = timedelta(seconds=20)
INSPECT_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=2)
CONFIRM_TIMEOUT = timedelta(seconds=30)

FAIL_BACK_TIMEOUT = timedelta(days=7)

DRAIN_TIMEOUT = timedelta(days=365)

# Of a cluster that nobody has heard of for its grace period, a part passes before its heartbeat is missed.
GRACE_AT_LEAST = timedelta(seconds=1)
MONITOR_TIMEOUT = timedelta(hours=24)
MONITOR_RETRY = RetryPolicy(
    # A monitor that died with its worker is begun elsewhere, however often that has happened before.
    initial_interval=timedelta(milliseconds=500),
    backoff_coefficient=1.5,
    maximum_interval=timedelta(seconds=2),
)

# A publication for every completion is cheap while there are few; above, they are coalesced.
PUBLISH_EACH_BELOW = 16
PUBLISH_INTERVAL = timedelta(seconds=2)

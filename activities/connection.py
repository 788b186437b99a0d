"""Connecting to Temporal with its own profiles and variables, and what an installation needs there."""

from __future__ import annotations

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    RecordActivityTaskHeartbeatRequest,
    UpdateNamespaceRequest,
)
from temporalio.client import Client, GrpcCompression
from temporalio.common import SearchAttributeIndexedValueType
from temporalio.envconfig import ClientConfig
from temporalio.runtime import Runtime
from temporalio.service import RPCError, RPCStatusCode

from activities import attributes
from activities.converter import data_converter
from activities.tracing import interceptors
from argosy.config import Settings
from argosy.errors import ArgosyError, Forbidden, InvalidInput, Unreachable

DEFAULT_ADDRESS = "localhost:7233"
CONNECT_TIMEOUT = timedelta(seconds=5)
RETENTION = timedelta(days=30)

# A server that wants a client certificate does not say so: it takes the connection, and breaks it off sooner or later.
_BREAKS = ("ConnectionReset", "BrokenPipe", "UnexpectedEof", "AlertReceived", "connection closed")
_BROKEN_OFF = (
    "breaks off the connection; where it demands TLS, set TEMPORAL_TLS_SERVER_CA_CERT_PATH, "
    "TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH to what it trusts"
)
_TLS_TROUBLE = (
    (
        "InvalidCertificate",
        (
            "shows a certificate that is not trusted; set TEMPORAL_TLS_SERVER_CA_CERT_PATH to its authority, and "
            "TEMPORAL_TLS_SERVER_NAME where it is for another name"
        ),
    ),
    (
        "InvalidContentType",
        "does not speak TLS; unset the TEMPORAL_TLS_ variables, or correct TEMPORAL_ADDRESS",
    ),
    (
        "KeyParseError",
        "cannot be asked: the client's private key is not one; correct TEMPORAL_TLS_CLIENT_KEY_PATH",
    ),
    (
        "CertificateParseError",
        (
            "cannot be asked: a certificate file is not one; correct TEMPORAL_TLS_CLIENT_CERT_PATH and "
            "TEMPORAL_TLS_SERVER_CA_CERT_PATH"
        ),
    ),
    *((words, _BROKEN_OFF) for words in ("error after connection: Status { code: Unknown", *_BREAKS)),
)

_NOT_PERMITTED = (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED)
_OTHER_CREDENTIALS = (
    "give a token with the right to it (TEMPORAL_API_KEY, or api_key in Temporal's profile) that has not expired, "
    "or a certificate that Temporal's authorization knows"
)

_TYPES = {
    SearchAttributeIndexedValueType.KEYWORD: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    SearchAttributeIndexedValueType.KEYWORD_LIST: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
    SearchAttributeIndexedValueType.INT: IndexedValueType.INDEXED_VALUE_TYPE_INT,
}


async def connect(
    settings: Settings,
    *,
    profile: str | None = None,
    address: str | None = None,
    runtime: Runtime | None = None,
) -> Client:
    """Connect as Temporal's profile and variables say, with Argosy's data converter.

    Args:
        address: host:port to connect to without looking at profiles and variables.
        runtime: the SDK's own threads and telemetry, where they are not the usual ones.

    Raises:
        InvalidInput: the profile or the key ring is wrong.
        Forbidden: the server knows no such token.
        Unreachable: no Temporal server answers.
    """
    try:
        config = (
            ClientConfig.load_client_connect_config(profile) if address is None else {"target_host": address}
        )
    except (ValueError, RuntimeError, KeyError, OSError) as error:
        raise InvalidInput(
            f"Temporal's configuration cannot be used: {error}; see `temporal config`"
        ) from error
    target = config.setdefault("target_host", DEFAULT_ADDRESS)
    namespace = config.get("namespace") or "default"
    converter = data_converter(settings, namespace=namespace)
    try:
        return await Client.connect(
            **config,
            data_converter=converter,
            runtime=runtime,
            interceptors=interceptors(),
            # The codec has compressed what is large; to compress the rest costs both sides more than it saves.
            grpc_compression=GrpcCompression.NONE,
        )
    except (RuntimeError, RPCError) as error:
        if is_denial(str(error)):
            raise Forbidden(f"Temporal at {target} refuses the token; {_OTHER_CREDENTIALS}") from error
        raise Unreachable(no_connection(target, str(error))) from error


def no_connection(target: str, reason: str) -> str:
    """What to tell people of a connection that did not come about, from the client library's own words."""
    for words, sentence in _TLS_TROUBLE:
        if words in reason:
            return f"Temporal at {target} {sentence}"
    return (
        f"Temporal does not answer at {target}; start it (`argosy dev up` for a local one), "
        "or set TEMPORAL_ADDRESS or --profile"
    )


def is_denial(reason: str) -> bool:
    """Whether a failure, in the client library's own words, is for want of rights."""
    return any(f"code: {code}" in reason for code in ("PermissionDenied", "Unauthenticated"))


def denied(doing: str) -> Forbidden:
    """What to tell people of what Temporal does not let them do."""
    return Forbidden(f"Temporal does not permit {doing} with the credentials in use; {_OTHER_CREDENTIALS}")


def failure(error: RPCError, *, doing: str = "this") -> ArgosyError:
    """What to tell people of a request that Temporal has refused, or could not carry out.

    Args:
        doing: what was asked for.
    """
    if error.status in _NOT_PERMITTED:
        return denied(doing)
    brief = " ".join(error.message.split())[:300]
    taken = f"Temporal does not take {'the request' if doing == 'this' else doing}"
    return Unreachable(f"{taken} ({error.status.name}: {brief}); check the server, then try again")


async def instance_of(client: Client) -> str:
    """What tells this installation from another: the ID of its Temporal namespace.

    Raises:
        InvalidInput: the namespace does not exist.
        Forbidden: it is closed to these credentials.
        Unreachable: Temporal does not answer.
    """
    request = DescribeNamespaceRequest(namespace=client.namespace)
    try:
        described = await client.workflow_service.describe_namespace(request)
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            raise InvalidInput(
                f"Temporal has no namespace {client.namespace}; create it, or set TEMPORAL_NAMESPACE"
            ) from error
        raise failure(error, doing=f"reading namespace {client.namespace}") from error
    return str(described.namespace_info.id)


async def require_right_to_work(client: Client) -> None:
    """Make sure, before polling, that the credentials may do what a worker does: write.

    Raises:
        Forbidden: they may not.
        Unreachable: Temporal does not answer.
    """
    try:
        # About no activity at all: whoever may write is told so, and nothing happens.
        await client.workflow_service.record_activity_task_heartbeat(
            RecordActivityTaskHeartbeatRequest(namespace=client.namespace)
        )
    except RPCError as error:
        if error.status != RPCStatusCode.INVALID_ARGUMENT:
            raise failure(error, doing=f"working in namespace {client.namespace}") from error


async def missing_attributes(client: Client) -> list[str]:
    """The search attributes that Argosy needs and the namespace does not have yet."""
    request = ListSearchAttributesRequest(namespace=client.namespace)
    listed = await client.operator_service.list_search_attributes(request)
    return [key.name for key in attributes.ALL if key.name not in listed.custom_attributes]


async def initialise(client: Client, *, retention: timedelta = RETENTION) -> list[str]:
    """Create the search attributes and set the retention; returns what was created. May be repeated.

    Raises:
        Forbidden: the credentials may not change the namespace.
    """
    try:
        missing = await missing_attributes(client)
        wanted = {key.name: _TYPES[key.indexed_value_type] for key in attributes.ALL if key.name in missing}
        if wanted:
            await client.operator_service.add_search_attributes(
                AddSearchAttributesRequest(namespace=client.namespace, search_attributes=wanted)
            )
        described = await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=client.namespace)
        )
        current = described.config.workflow_execution_retention_ttl.ToTimedelta()
        if current < retention:
            ttl = Duration()
            ttl.FromTimedelta(retention)
            await client.workflow_service.update_namespace(
                UpdateNamespaceRequest(
                    namespace=client.namespace, config=NamespaceConfig(workflow_execution_retention_ttl=ttl)
                )
            )
    except RPCError as error:
        if error.status == RPCStatusCode.PERMISSION_DENIED:
            raise Forbidden(
                f"the credentials may not change Temporal namespace {client.namespace}; "
                "run `argosy init` as its administrator"
            ) from error
        raise Unreachable(f"Temporal does not take the set-up: {error.message}; try again") from error
    return missing

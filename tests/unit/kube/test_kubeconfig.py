"""What a kubeconfig may say, and what is answered where it does not add up."""

from __future__ import annotations

import base64
import copy
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from argosy.api.cluster_connection import ConnectionReference
from argosy.errors import ArgosyError, InvalidInput, Refused, Unauthorized
from argosy.kube import exec_plugin
from argosy.kube.kubeconfig import Access, read_access

SECRET = "hunter2-very-secret"
BASE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "prod",
    "clusters": [{"name": "c", "cluster": {"server": "https://10.1.2.3:6443/"}}],
    "users": [{"name": "u", "user": {"token": SECRET}}],
    "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}],
}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Kubeconfig:
    """A kubeconfig in a directory of its own, changed piece by piece."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "kubeconfig"
        self.content = copy.deepcopy(BASE)

    def write(self, *, user: dict[str, Any] | None = None, cluster: dict[str, Any] | None = None) -> None:
        if user is not None:
            self.content["users"][0]["user"] = user
        if cluster is not None:
            self.content["clusters"][0]["cluster"] |= cluster
        self.path.write_text(yaml.safe_dump(self.content), encoding="utf-8")

    def beside(self, name: str, content: str, *, mode: int = 0o600) -> None:
        file = self.path.parent / name
        file.write_text(content, encoding="utf-8")
        file.chmod(mode)

    async def read(self, context: str | None = None, *, allow_exec: bool = False) -> Access:
        reference = ConnectionReference(kubeconfig=str(self.path), context=context)
        return await read_access(reference, allow_exec=allow_exec)

    async def refusal(self, *, allow_exec: bool = False) -> ArgosyError:
        with pytest.raises(ArgosyError) as caught:
            await self.read(allow_exec=allow_exec)
        assert SECRET not in str(caught.value)
        assert "\n" not in str(caught.value)
        return caught.value


@pytest.fixture
def config(tmp_path: Path) -> Kubeconfig:
    return Kubeconfig(tmp_path)


class TestCredentials:
    @pytest.mark.parametrize(
        ("user", "authorization"),
        [
            ({"token": "t"}, "Bearer t"),
            ({"tokenFile": "token"}, "Bearer from-file"),
            ({"token": "t", "tokenFile": "token"}, "Bearer from-file"),
            ({"username": "a", "password": "b"}, f"Basic {encoded('a:b')}"),
            ({}, None),
            ({"client-certificate-data": encoded("C"), "client-key-data": encoded("K")}, None),
        ],
    )
    async def test_authorization(
        self, config: Kubeconfig, user: dict[str, Any], authorization: str | None
    ) -> None:
        config.beside("token", "from-file\n")
        config.write(user=user)
        assert (await config.read()).authorization == authorization

    async def test_certificates_inline_and_in_files_are_the_same(self, config: Kubeconfig) -> None:
        config.beside("cert", "C")
        config.beside("key", "K")
        config.beside("ca", "A")
        config.write(
            user={"client-certificate": "cert", "client-key": "key"}, cluster={"certificate-authority": "ca"}
        )
        files = await config.read()
        config.write(user={"client-certificate-data": encoded("C"), "client-key-data": encoded("K")})
        config.content["clusters"][0]["cluster"] = {
            "server": "https://10.1.2.3:6443",
            "certificate-authority-data": encoded("A"),
        }
        config.write()
        assert files == await config.read()
        assert files.certificate == (b"C", b"K")
        assert files.ca == "A"

    async def test_the_rest_of_the_cluster(self, config: Kubeconfig) -> None:
        config.write(
            cluster={
                "insecure-skip-tls-verify": True,
                "tls-server-name": "inside",
                "proxy-url": "http://proxy:3128",
                "extensions": [{"name": "minikube"}],
            }
        )
        access = await config.read("prod")
        assert (access.server, access.verify, access.server_name, access.proxy) == (
            "https://10.1.2.3:6443",
            False,
            "inside",
            "http://proxy:3128",
        )

    async def test_nothing_of_them_is_shown(self, config: Kubeconfig) -> None:
        config.write(
            user={
                "token": SECRET,
                "client-certificate-data": encoded(SECRET),
                "client-key-data": encoded("K"),
            }
        )
        assert SECRET not in repr(await config.read())

    @pytest.mark.parametrize(
        ("server", "environment", "proxy"),
        [
            ("https://api.example", {"https_proxy": "http://p:1"}, "http://p:1"),
            ("https://api.example", {"https_proxy": "http://p:1", "no_proxy": ".example"}, None),
            ("https://127.0.0.1:6443", {"https_proxy": "http://p:1"}, None),
            ("https://api.example", {"http_proxy": "http://p:1"}, None),
        ],
    )
    async def test_the_environment_names_a_proxy(
        self,
        config: Kubeconfig,
        monkeypatch: pytest.MonkeyPatch,
        server: str,
        environment: dict[str, str],
        proxy: str | None,
    ) -> None:
        for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        config.write(cluster={"server": server})
        assert (await config.read()).proxy == proxy


class TestChange:
    async def test_a_rotated_file_is_noticed(self, config: Kubeconfig) -> None:
        config.beside("token-1", "one")
        config.beside("token-2", "second")
        link = config.path.parent / "token"
        link.symlink_to("token-1")
        config.write(user={"tokenFile": "token"})
        access = await config.read()
        assert not access.changed()
        link.unlink()
        assert not access.changed(), "between the two steps of a rotation nothing is concluded"
        link.symlink_to("token-2")
        assert access.changed()
        assert (await config.read()).authorization == "Bearer second"

    async def test_a_changed_kubeconfig_is_noticed(self, config: Kubeconfig) -> None:
        config.write()
        access = await config.read()
        config.write(user={"token": "another"})
        assert access.changed()
        assert await config.read() != access


class TestRefusals:
    async def test_missing_file(self, config: Kubeconfig) -> None:
        error = await config.refusal()
        assert isinstance(error, InvalidInput)
        assert "does not exist on the worker" in str(error)

    async def test_unreadable_file(self, config: Kubeconfig) -> None:
        config.path.mkdir()
        assert "cannot be read" in str(await config.refusal())

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("{", "not YAML (line"),
            (f"a: b: {SECRET}", "not YAML (line 1)"),
            ("\x00", "not YAML"),
            ("just text", "not a kubeconfig"),
            ("", "not a kubeconfig"),
            ("contexts: 5", "contexts: Input should be a valid tuple"),
            (f"users: [{{name: u, user: {SECRET}}}]", "users.0.user"),
            ("clusters: [{cluster: {}}]", "clusters.0.name: Field required"),
        ],
    )
    async def test_malformed_file(self, config: Kubeconfig, text: str, says: str) -> None:
        config.path.write_text(text, encoding="utf-8")
        assert says in str(await config.refusal())

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"current-context": "nope"}, "no context 'nope'; it has: prod"),
            ({"current-context": ""}, "no current context; name one of its contexts: prod"),
            ({"contexts": None, "current-context": ""}, "contexts: none"),
            ({"contexts": BASE["contexts"] * 2}, "context 'prod' 2 times"),
            ({"clusters": []}, "no cluster 'c'"),
            ({"users": None}, "no user 'u'"),
        ],
    )
    async def test_names_that_do_not_meet(
        self, config: Kubeconfig, change: dict[str, Any], says: str
    ) -> None:
        config.content |= change
        config.write()
        error = await config.refusal()
        assert isinstance(error, InvalidInput)
        assert says in str(error)

    @pytest.mark.parametrize(
        ("cluster", "says"),
        [
            ({"server": ""}, "not a URL"),
            ({"server": "10.1.2.3:6443"}, "not a URL"),
            ({"server": "ftp://host"}, "not a URL"),
            ({"certificate-authority-data": "%%%"}, "CA is not base64"),
            ({"certificate-authority": "nowhere"}, "nowhere cannot be read"),
            (
                {"certificate-authority-data": encoded("A"), "insecure-skip-tls-verify": True},
                "exclude each other",
            ),
            ({"proxy-url": "socks5://host:1"}, "only http and https proxies"),
        ],
    )
    async def test_clusters(self, config: Kubeconfig, cluster: dict[str, Any], says: str) -> None:
        config.write(cluster=cluster)
        error = await config.refusal()
        assert isinstance(error, InvalidInput)
        assert says in str(error)

    @pytest.mark.parametrize(
        ("user", "kind", "says"),
        [
            ({"auth-provider": {"name": "gcp"}}, Refused, "auth-provider"),
            ({"token": SECRET, "as": "root"}, Refused, "impersonation"),
            ({"tokenFile": "nowhere"}, InvalidInput, "nowhere cannot be read"),
            ({"tokenFile": "empty"}, InvalidInput, "holds no token"),
            ({"tokenFile": "two-lines"}, InvalidInput, "holds no token"),
            ({"client-certificate-data": encoded("C")}, InvalidInput, "belong together"),
            ({"client-certificate-data": encoded("C"), "client-key": "encrypted"}, InvalidInput, "encrypted"),
            (
                {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "x"}},
                Refused,
                "KUBECONFIG_EXEC",
            ),
            ({"exec": {"apiVersion": "v0", "command": "x"}}, InvalidInput, "exec.apiVersion"),
        ],
    )
    async def test_users(
        self, config: Kubeconfig, user: dict[str, Any], kind: type[ArgosyError], says: str
    ) -> None:
        config.beside("empty", "\n")
        config.beside("two-lines", "one\ntwo\n")
        config.beside("encrypted", "-----BEGIN ENCRYPTED PRIVATE KEY-----")
        config.write(user=user)
        error = await config.refusal()
        assert type(error) is kind
        assert says in str(error)


class TestPlugins:
    """Real programs are run."""

    VERSION = "client.authentication.k8s.io/v1"

    def use(self, config: Kubeconfig, script: str, **fields: Any) -> None:
        config.beside("plugin", f"#!{sys.executable}\nimport json, os, sys, time\n{script}\n", mode=0o700)
        config.write(user={"exec": {"apiVersion": self.VERSION, "command": "./plugin", **fields}})

    def prints(self, **status: Any) -> str:
        credential = {"apiVersion": self.VERSION, "kind": "ExecCredential", "status": status}
        return f"print(json.dumps({credential!r}))"

    async def test_a_token(self, config: Kubeconfig) -> None:
        until = (datetime.now(UTC) + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
        self.use(config, self.prints(token="given", expirationTimestamp=until))
        access = await config.read(allow_exec=True)
        assert access.authorization == "Bearer given"
        assert not access.expired()

    async def test_an_expired_token(self, config: Kubeconfig) -> None:
        self.use(config, self.prints(token="given", expirationTimestamp="2020-01-01T00:00:00Z"))
        assert (await config.read(allow_exec=True)).expired()

    async def test_a_certificate(self, config: Kubeconfig) -> None:
        self.use(config, self.prints(clientCertificateData="C", clientKeyData="K"))
        assert (await config.read(allow_exec=True)).certificate == (b"C", b"K")

    async def test_it_is_told_what_it_is_for(self, config: Kubeconfig) -> None:
        answer = "{'apiVersion': info['apiVersion'], 'kind': info['kind'], 'status': {'token': token}}"
        script = (
            "info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
            "token = '-'.join([*sys.argv[1:], os.environ['REGION'], info['spec']['cluster']['server']])\n"
            f"print(json.dumps({answer}))"
        )
        self.use(
            config,
            script,
            args=["get-token"],
            env=[{"name": "REGION", "value": "eu"}],
            provideClusterInfo=True,
        )
        access = await config.read(allow_exec=True)
        assert access.authorization == "Bearer get-token-eu-https://10.1.2.3:6443"

    @pytest.mark.parametrize(
        ("script", "kind", "says"),
        [
            ("sys.exit('not logged in')", Unauthorized, "failed with 1 (not logged in)"),
            (f"print('{SECRET}')", InvalidInput, "does not print an ExecCredential"),
            (
                "print(json.dumps({'kind': 'ExecCredential', 'apiVersion': 'v9', 'status': {}}))",
                InvalidInput,
                "speaks v9",
            ),
        ],
    )
    async def test_what_goes_wrong(
        self, config: Kubeconfig, script: str, kind: type[ArgosyError], says: str
    ) -> None:
        self.use(config, script)
        error = await config.refusal(allow_exec=True)
        assert type(error) is kind
        assert says in str(error)

    @pytest.mark.parametrize("status", [{}, {"clientCertificateData": "C"}, {"clientKeyData": "K"}])
    async def test_half_a_credential(self, config: Kubeconfig, status: dict[str, Any]) -> None:
        self.use(config, self.prints(**status))
        assert "gives neither" in str(await config.refusal(allow_exec=True))

    async def test_a_program_that_is_not_there(self, config: Kubeconfig) -> None:
        config.write(
            user={"exec": {"apiVersion": self.VERSION, "command": "no-such", "installHint": "get\nit"}}
        )
        assert "no-such is not on the worker; get it" in str(await config.refusal(allow_exec=True))

    async def test_one_that_wants_a_terminal(self, config: Kubeconfig) -> None:
        self.use(config, self.prints(token="x"), interactiveMode="Always")
        assert "terminal" in str(await config.refusal(allow_exec=True))

    async def test_one_that_hangs_is_ended(self, config: Kubeconfig, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(exec_plugin, "PLUGIN_TIMEOUT", 0.5)
        pid = config.path.parent / "pid"
        self.use(config, f"open({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)")
        error = await config.refusal(allow_exec=True)
        assert isinstance(error, Unauthorized)
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid.read_text(encoding="utf-8")), 0)

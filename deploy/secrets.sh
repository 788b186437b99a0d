#!/bin/sh
# Makes what the compose file mounts as secrets, in deploy/secrets, and says in .env whose group they are. What exists
# stays, so it may be repeated. Files are readable by you and your group, which the containers join: Docker mounts
# files with the owner that they have.
set -eu
umask 027
cd "$(dirname "$0")"
mkdir -p secrets kubeconfigs

# So many random bytes in hexadecimal, which needs no quoting anywhere.
random() {
    od -An -vtx1 -N "$1" /dev/urandom | tr -d ' \n'
}

# Keeps standard input as a secret, unless there is one of that name.
keep() {
    if [ -s "secrets/$1" ]; then cat >/dev/null; else cat >"secrets/$1.new" && mv "secrets/$1.new" "secrets/$1"; fi
}

random 32 | keep postgres-password
random 32 | keep alert-token
random 32 | keep codec-token
random 16 | keep ui-password
random 16 | keep grafana-password

id="$(date +%Y-%m)"
key="$(head -c 32 /dev/urandom | base64 | tr -d '\n')"
printf '{"active": "%s", "keys": {"%s": "%s"}}\n' "$id" "$id" "$key" | keep encryption-keys.json

# The gateway lets in who knows the password, and shows the codec server its token.
printf 'argosy:{PLAIN}%s\n' "$(cat secrets/ui-password)" | keep ui-users
printf 'proxy_set_header Authorization "Bearer %s";\n' "$(cat secrets/codec-token)" | keep codec-authorization.conf

grep -qs '^SECRETS_GID=' ../.env || echo "SECRETS_GID=$(id -g)" >>../.env

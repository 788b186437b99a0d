#!/bin/sh
# Runs a command, which starts the Temporal server, with the password of its database from the file POSTGRES_PWD_FILE.
set -eu
POSTGRES_PWD="$(cat "$POSTGRES_PWD_FILE")"
export POSTGRES_PWD
exec "$@"

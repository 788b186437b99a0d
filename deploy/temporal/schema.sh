#!/bin/sh
# Creates Temporal's two databases and brings their schemas up to date. May be repeated; run it before a newer server.
# Wants SQL_PLUGIN, SQL_HOST, SQL_PORT, SQL_USER as temporal-sql-tool does, and SQL_PASSWORD_FILE.
set -eu
SQL_PASSWORD="$(cat "$SQL_PASSWORD_FILE")"
export SQL_PASSWORD

prepare() {
    temporal-sql-tool --database "$1" create-database
    temporal-sql-tool --database "$1" setup-schema --version 0.0
    temporal-sql-tool --database "$1" update-schema --schema-name "postgresql/v12/$2"
}

prepare temporal temporal
prepare temporal_visibility visibility

#!/bin/sh
# Creates the Temporal namespace TEMPORAL_NAMESPACE where it does not exist. `argosy init` does the rest.
set -eu
temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 720h

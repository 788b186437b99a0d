#!/bin/sh
# Makes what docker-compose.guarded.yml mounts beside the secrets of deploy/secrets.sh: a certificate authority, the
# certificates that Temporal's server and its callers show each other, a key for tokens, and a token for each role.
# Needs OpenSSL. What exists stays, so it may be repeated; delete a file to have it made anew.
#
#     deploy/temporal/identities.sh                                   # once
#     deploy/temporal/identities.sh token alice argosy:read 90        # a token for somebody: who, permissions, days
#
# An organisation with an identity provider lets that sign the tokens, and gives Temporal its JWKS instead.
set -eu
umask 027
cd "$(dirname "$0")/.."
mkdir -p secrets
cd secrets

# A file made by a command, all of it or nothing.
keep() {
    name="$1"
    shift
    [ -s "$name" ] || { "$@" >"$name.new" && mv "$name.new" "$name"; }
}

new_key() {
    openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048
}

self_signed() {
    openssl req -x509 -new -key "$1" -sha256 -days 3650 -subj "/CN=Argosy's Temporal" \
        -addext 'basicConstraints=critical,CA:TRUE,pathlen:0' -addext 'keyUsage=critical,keyCertSign,cRLSign'
}

# A certificate of that authority: key, common name, use, names.
signed() {
    extensions="$1.ext"
    {
        echo 'basicConstraints=critical,CA:FALSE'
        echo 'keyUsage=critical,digitalSignature,keyEncipherment'
        echo "extendedKeyUsage=$3"
        echo 'subjectKeyIdentifier=hash'
        echo 'authorityKeyIdentifier=keyid'
        [ -z "${4:-}" ] || echo "subjectAltName=$4"
    } >"$extensions"
    openssl req -new -key "$1" -subj "/CN=$2" 2>/dev/null |
        openssl x509 -req -CA temporal-ca.crt -CAkey temporal-ca.key -set_serial "0x$(openssl rand -hex 16)" \
            -sha256 -days 825 -extfile "$extensions" 2>/dev/null
    rm "$extensions"
}

base64url() {
    openssl base64 -A | tr '+/' '-_' | tr -d '='
}

# Hexadecimal digits as bytes.
bytes() {
    while [ -n "$1" ]; do
        rest="${1#??}"
        # shellcheck disable=SC2059 # the format is the byte
        printf "\\$(printf %03o "0x${1%"$rest"}")"
        set -- "$rest"
    done
}

# Names the key by what it is.
key_id() {
    openssl pkey -in temporal-tokens.key -pubout -outform DER | openssl dgst -sha256 -r | cut -c1-16
}

jwks() {
    modulus="$(openssl rsa -in temporal-tokens.key -noout -modulus | sed 's/^Modulus=//')"
    printf '{"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "%s", "n": "%s", "e": "AQAB"}]}\n' \
        "$(key_id)" "$(bytes "$modulus" | base64url)"
}

# A token: who, permissions with commas between them, days.
token() {
    now="$(date +%s)"
    permissions="$(printf '%s' "$2" | sed 's/[^,][^,]*/"&"/g')"
    header="$(printf '{"alg":"RS256","typ":"JWT","kid":"%s"}' "$(key_id)" | base64url)"
    claims="$(printf '{"sub":"%s","iat":%s,"exp":%s,"permissions":[%s]}' \
        "$1" "$now" "$((now + $3 * 86400))" "$permissions" | base64url)"
    printf '%s.%s.%s\n' "$header" "$claims" \
        "$(printf '%s.%s' "$header" "$claims" | openssl dgst -sha256 -sign temporal-tokens.key -binary | base64url)"
}

# Temporal's configuration of a client, which `argosy` and `temporal` read from TEMPORAL_CONFIG_FILE.
client() {
    cat <<CONFIGURATION
[profile.default]
api_key = "$(token "$1" "$2" 365)"

[profile.default.tls]
server_name = "temporal"
server_ca_cert_data = '''
$(cat temporal-ca.crt)
'''
client_cert_data = '''
$(cat argosy.crt)
'''
client_key_data = '''
$(cat argosy.key)
'''
CONFIGURATION
}

reading_ui() {
    printf 'proxy_set_header Authorization "Bearer %s";\n' "$(token ui argosy:read 365)"
}

if [ "${1:-}" = token ]; then
    token "$2" "$3" "${4:-90}"
    exit
fi

for name in temporal-ca temporal argosy temporal-tokens; do
    keep "$name.key" new_key
done
keep temporal-ca.crt self_signed temporal-ca.key
# Temporal's own parts call each other with the certificate that they answer with.
keep temporal.crt signed temporal.key temporal serverAuth,clientAuth DNS:temporal,DNS:localhost,IP:127.0.0.1
keep argosy.crt signed argosy.key argosy clientAuth
keep temporal-jwks.json jwks
# Who prepares the namespace; who works in it; who only looks.
keep temporal-admin.toml client admin temporal-system:admin
keep temporal-argosy.toml client argosy argosy:write
keep temporal-reader.toml client reader argosy:read
keep ui-authorization.conf reading_ui

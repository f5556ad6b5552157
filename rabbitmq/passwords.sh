#!/bin/sh
# Writes passwords of this laboratory's own into `.env`, in place of those that everybody
# knows or that are missing; what is set otherwise stays. Before the laboratory is opened.
set -eu
cd "$(dirname "$0")/.."

# 16 letters, digits, - and _: what a laboratory with containers takes.
password() {
    head -c 12 /dev/urandom | base64 | tr '+/' '-_'
}

written=
for pair in $(grep -v '^#' rabbitmq/known-passwords.env) AUDIT_ADMIN_PASSWORD=admin-auditoria \
    POSTGRES_PASSWORD=relevo-lab CLUSTER_SECRET=relevo-lab; do
    name=${pair%%=*}
    if ! grep -q "^$name=" .env; then
        [ -z "$(tail -c 1 .env)" ] || echo >> .env
        echo "$name=$(password)" >> .env
    elif grep -Eq "^$name=(${pair#*=})?[[:space:]]*\$" .env; then
        sed -i "s/^$name=.*/$name=$(password)/" .env
    else
        continue
    fi
    written="$written $name"
done
echo "contraseñas nuevas en .env:${written:- ninguna}"
case $written in
*POSTGRES_PASSWORD*)
    echo 'un PostgreSQL que ya tenga datos conserva la suya: vea docs/aula.md' ;;
esac

#!/bin/sh
# Starts RabbitMQ in a container: renders its configuration and its definitions
# from `.env`, where no image ever holds them, and becomes the image's own
# entrypoint. `cargo lab` does the same for the native node.
set -eu
umask 077

source=$(dirname "$0")
target=/tmp/relevo

# Where others can come, no password that everybody knows: also of the cluster, whose
# nodes obey whoever has its secret.
known=
if [ "${DIRECT_BIND:-127.0.0.1}" != 127.0.0.1 ]; then
    for pair in $(grep -v '^#' "$source/known-passwords.env") RELEVO_CLUSTER_SECRET=relevo-lab; do
        name=${pair%%=*}
        eval "value=\${$name:-}"
        [ "$value" != "${pair#*=}" ] || known="$known ${name#RELEVO_}"
    done
fi
if [ -n "$known" ]; then
    echo "DIRECT_BIND=$DIRECT_BIND, and everybody knows$known: sh rabbitmq/passwords.sh makes others" >&2
    exit 64
fi
mkdir -p "$target/conf.d"

# They are parts of URLs and of JSON: no character that means something there.
checked() {
    case $2 in
    '' | *[!A-Za-z0-9._~-]*)
        echo "$1: only letters, digits and . _ ~ - in a laboratory with containers" >&2
        exit 64
        ;;
    esac
    printf '%s' "$2"
}

SENDER_PASSWORD=$(checked SENDER_PASSWORD "${SENDER_PASSWORD:-}")
ANALYTICS_PASSWORD=$(checked ANALYTICS_PASSWORD "${ANALYTICS_PASSWORD:-}")
MONITOR_PASSWORD=$(checked MONITOR_PASSWORD "${MONITOR_PASSWORD:-}")
AUDIT_PASSWORD=$(checked AUDIT_PASSWORD "${AUDIT_PASSWORD:-}")
REGISTRAR_PASSWORD=$(checked REGISTRAR_PASSWORD "${REGISTRAR_PASSWORD:-}")
no_admin='/"admin"/d'
if [ -n "${ADMIN_PASSWORD:-}" ]; then
    ADMIN_PASSWORD=$(checked ADMIN_PASSWORD "$ADMIN_PASSWORD")
    no_admin=
fi
sed -e "$no_admin" \
    -e "s/\${ADMIN_PASSWORD}/${ADMIN_PASSWORD:-}/" \
    -e "s/\${SENDER_PASSWORD}/$SENDER_PASSWORD/" \
    -e "s/\${ANALYTICS_PASSWORD}/$ANALYTICS_PASSWORD/" \
    -e "s/\${MONITOR_PASSWORD}/$MONITOR_PASSWORD/" \
    -e "s/\${AUDIT_PASSWORD}/$AUDIT_PASSWORD/" \
    -e "s/\${REGISTRAR_PASSWORD}/$REGISTRAR_PASSWORD/" \
    "$source/definitions.json" > "$target/definitions.json"

# Whoever comes through a published port comes from another address than this
# container's loopback, even from the same machine. So `guest` may come from
# anywhere while the ports are published on that machine's loopback only, and
# from nowhere else once they are open to the network.
guest_is_local=false
if [ "${DIRECT_BIND:-127.0.0.1}" != 127.0.0.1 ]; then
    guest_is_local=true
fi

{
    cat "$source/rabbitmq.conf"
    if [ -n "${RELEVO_CLUSTER_SECRET:-}" ]; then
        cat "$source/cluster.conf"
    fi
    printf '\nload_definitions = %s\n' "$target/definitions.json"
    printf 'loopback_users.guest = %s\n' "$guest_is_local"
    # RabbitMQ counts the whole machine's memory; a little less than `mem_limit`
    # is this container's, and its alarm comes before the kernel's.
    printf 'total_memory_available_override_value = 1GB\n'
    printf 'log.console = true\nlog.file = false\n'
} > "$target/rabbitmq.conf"

# The nodes of a cluster know each other by a secret, in a file that only its
# owner may read. A node that is alone makes its own.
cookie=$HOME/.erlang.cookie
if [ -n "${RELEVO_CLUSTER_SECRET:-}" ]; then
    RELEVO_CLUSTER_SECRET=$(checked CLUSTER_SECRET "$RELEVO_CLUSTER_SECRET")
    rm -f "$cookie"
    printf '%s' "$RELEVO_CLUSTER_SECRET" > "$cookie"
    chmod 400 "$cookie"
fi

export RABBITMQ_CONFIG_FILE="$target/rabbitmq.conf"
export RABBITMQ_CONFIG_FILES="$target/conf.d"
export RABBITMQ_ADVANCED_CONFIG_FILE="$source/advanced.config"
export RABBITMQ_ENABLED_PLUGINS_FILE="$source/enabled_plugins"
exec docker-entrypoint.sh "$@"

#!/bin/sh
# Installs Debian packages (run as root: install.sh PACKAGE...) without letting
# them start services: the laboratory runs private ones, on its own ports.
set -eu

policy=/usr/sbin/policy-rc.d
services='rabbitmq-server postgresql'

is_installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Whom a service runs as.
user_of() {
    case "$1" in
    rabbitmq-server) echo rabbitmq ;;
    postgresql) echo postgres ;;
    esac
}

# Services that came with these packages, not those that somebody runs already.
new_services=
for service in $services; do
    is_installed "$service" || new_services="$new_services $service"
done

# While we install, and only where the machine has no policy of its own, services
# must not start (101: "action forbidden by policy").
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
# Lists of one repository out of reach need not matter: the installation tells.
apt-get -q update || echo 'apt-get update: fallo; se intenta instalar igualmente' >&2
apt-get -q -y install --no-install-recommends "$@"

# One that started all the same is stopped, and none starts at the next boot,
# where it would take the ports.
for service in $new_services; do
    is_installed "$service" || continue
    if [ -d /run/systemd/system ]; then
        systemctl disable --now "$service"
    elif [ -x "/etc/init.d/$service" ]; then
        # Found by its user's processes: to ask RabbitMQ itself would start
        # Erlang's port mapper, on all interfaces, and leave it behind.
        if pgrep -u "$(user_of "$service")" >/dev/null 2>&1; then
            service "$service" stop
        fi
        update-rc.d "$service" disable
    fi
done

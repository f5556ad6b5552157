#!/bin/sh
# As root, gives the data to RabbitMQ's user and goes on as that user.
set -eu
if [ "$(id -u)" = 0 ]; then
    find /var/lib/rabbitmq ! -user rabbitmq -exec chown rabbitmq '{}' +
    exec gosu rabbitmq "$0" "$@"
fi
exec "$@"

#!/bin/sh
# Before the first `docker compose up`: an .env with passwords of its own, and the folder of the credentials, both for
# their owner's eyes. Run it again at any time: what is there already stays.
set -eu
cd "$(dirname "$0")/../.."

if [ -e .env ]; then
  echo '.env is there already, and stays as it is'
else
  secret() { od -An -v -tx1 -N 24 /dev/urandom | tr -d ' \n'; }
  # Fills in what .env.example leaves empty.
  (umask 077 && sed \
    -e "s|^INFLUX_PASSWORD=$|&$(secret)|" \
    -e "s|^INFLUX_TOKEN=$|&$(secret)|" \
    -e "s|^GRAFANA_ADMIN_PASSWORD=$|&$(secret)|" \
    -e "s|^KAFKA_CLUSTER_ID=$|&$(head -c 16 /dev/urandom | base64 | tr '+/' 'kI' | cut -c 1-22)|" \
    -e "s|^CONFIG_OWNER=$|&$(id -u):$(id -g)|" \
    .env.example >.env)
  echo '.env is written: passwords and tokens of its own'
fi

# A folder that Docker has to make for a mount belongs to root.
if [ ! -d config ]; then (umask 077 && mkdir config); fi

# Prometheus, Alertmanager and Grafana read these as users of their own; a strict umask has closed them to others.
chmod -R a+rX prometheus grafana docs/runbooks
echo 'next: docker compose run --build --rm -T devices add truck-1 truck-2'

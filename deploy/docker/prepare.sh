#!/bin/sh
# Before the first `docker compose up`, and after an upgrade: an .env with passwords of its own, and the folder of the
# credentials, both for their owner's eyes. Run it again at any time: what is there already stays.
set -eu
cd "$(dirname "$0")/../.."
umask 077

# Gives a variable of .env its value, unless it has one: where the line is, or at the end.
fill() {
  if grep -q "^$1=." "$env"; then return; fi
  if [ -z "$2" ]; then
    echo "$1: nothing was made for it" >&2
    exit 1
  fi
  # Every step by itself, for in a list `set -e` does not end what failed: whole or not at all, a disk may be full.
  cp -p "$env" "$env.new"
  if grep -q "^$1=" "$env"; then
    sed -e "s|^$1=\$|&$2|" "$env" >"$env.new"
  else
    # `awk 1` ends a last line that has no end.
    awk 1 "$env" >"$env.new"
    printf '%s=%s\n' "$1" "$2" >>"$env.new"
  fi
  mv "$env.new" "$env"
  filled="${filled:+$filled, }$1"
}
secret() { od -An -v -tx1 -N 24 /dev/urandom | tr -d ' \n'; }

# The file itself, where .env is a link to it.
env=.env
if [ -L .env ]; then env=$(readlink -f .env); fi
trap 'rm -f "$env.new"' EXIT
filled=
if [ ! -e "$env" ]; then
  cat .env.example >"$env.new"
  mv "$env.new" "$env"
fi
fill INFLUX_PASSWORD "$(secret)"
fill INFLUX_TOKEN "$(secret)"
fill GRAFANA_ADMIN_PASSWORD "$(secret)"
fill KAFKA_CLUSTER_ID "$(head -c 16 /dev/urandom | base64 | tr '+/' 'kI' | cut -c 1-22)"
fill CONFIG_OWNER "$(id -u):$(id -g)"
if [ -z "$filled" ]; then echo '.env is there already, and stays as it is'; else echo ".env: set $filled"; fi

# A folder that Docker has to make for a mount belongs to root.
if [ ! -d config ]; then mkdir config; fi

# Prometheus, Alertmanager and Grafana read these as users of their own; a strict umask has closed them to others.
chmod -R a+rX prometheus grafana docs/runbooks
echo 'next: docker compose run --build --rm -T devices add truck-1 truck-2'

#!/bin/sh
# Makes a bare Debian machine able to run the tests against real Kafka, InfluxDB, Prometheus and Alertmanager, against
# independent MQTT and Kafka clients, and in a browser. Run it again at any time: what is there already costs a second.
set -eu
cd "$(dirname "$0")/.."

missing=''
# want COMMAND PACKAGE: the package is installed only where the command is not there by some other way.
want() {
  command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
want java openjdk-17-jre-headless
want mvn maven
want go golang-go
want cargo cargo
want cc build-essential
want pkg-config pkg-config
want prometheus prometheus
want promtool prometheus
want prometheus-alertmanager prometheus-alertmanager
want amtool prometheus-alertmanager
want mosquitto_pub mosquitto-clients
want /usr/sbin/mosquitto mosquitto
want kcat kcat
want chromium chromium
want python3 python3
python3 -c 'import ensurepip' 2>/dev/null || missing="$missing python3-venv"
# For `systemd-analyze verify` alone; nothing is booted by it.
want systemd-analyze systemd

if [ -n "$missing" ]; then
  as_root=''
  if [ "$(id -u)" -ne 0 ]; then as_root='sudo'; fi
  # Debian starts what it installs, the tests start their own: a policy that refuses is put in place for the time of the
  # installation, unless the machine has a policy of its own.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap '$as_root rm -f "$policy"' EXIT
    trap 'exit 1' INT TERM
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
  fi
  $as_root apt-get update -qq >&2
  # shellcheck disable=SC2086 # a list of packages
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2
fi

npm run --silent services -- build

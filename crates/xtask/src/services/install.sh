#!/bin/sh
# Installs Debian or Ubuntu packages, as root. Each argument is a package, or several with `|` between them of which
# the first one known here is taken.
#
# The packages of servers start those servers, and make them start at boot. Nobody asked for that: a private instance
# runs in the checkout. So two files that the distributions provide for this purpose stand in the way during the
# installation, and nothing but the programs is left behind.
set -eu
export DEBIAN_FRONTEND=noninteractive

policy=/usr/sbin/policy-rc.d
cluster=/etc/postgresql-common/createcluster.d/no-main-cluster.conf
placed=""
# shellcheck disable=SC2086 # a list of paths without spaces
trap 'rm -f $placed' EXIT

if [ ! -e "$policy" ]; then
    placed="$placed $policy"
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
fi
if [ ! -e "$cluster" ]; then
    placed="$placed $cluster"
    mkdir -p "${cluster%/*}"
    echo "create_main_cluster = false" >"$cluster"
fi

# Waits for another apt-get, such as the nightly upgrade, instead of failing beside it.
apt="apt-get -qq -o DPkg::Lock::Timeout=120"
$apt update

packages=""
for wanted in "$@"; do
    chosen=""
    for name in $(echo "$wanted" | tr '|' ' '); do
        if apt-cache show "$name" >/dev/null 2>&1; then
            chosen=$name
            break
        fi
    done
    packages="$packages ${chosen:-${wanted%%|*}}"
done
# What it unpacks is of no interest; faults are on standard error.
# shellcheck disable=SC2086 # a list of names without spaces
$apt install -y --no-install-recommends $packages >/dev/null

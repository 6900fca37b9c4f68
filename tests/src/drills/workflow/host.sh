#!/usr/bin/env bash
# Makes of this machine, for this process and its children alone, a host that the workflow of releases reaches by SSH: with
# the user `deploy`, who may become root, and a checkout at /opt/app. What it writes is in memory, and gone with it.
#
#   host.sh FOLDER PORT ORIGIN    FOLDER: with host-key, key.pub and deploy.env; ORIGIN: what is checked out
set -euo pipefail
folder=$1 port=$2 origin=$3

mount --make-rprivate /
mkdir "$folder/changes"
mount -t tmpfs -o mode=755 none "$folder/changes"
for place in etc opt "${HOME#/}"; do
    changes=$folder/changes/$place
    mkdir -p "$changes/upper" "$changes/work"
    mount -t overlay -o "lowerdir=/$place,upperdir=$changes/upper,workdir=$changes/work" overlay "/$place"
done

sed -i '/^deploy:/d' /etc/passwd /etc/group /etc/shadow
echo 'deploy:x:59999:59999::/opt/app:/bin/bash' >>/etc/passwd
echo 'deploy:x:59999:' >>/etc/group
echo 'deploy:*:::::::' >>/etc/shadow
# Docker may be where only the drill looks for it.
cat >/etc/sudoers.d/deploy <<EOF
deploy ALL=(root) NOPASSWD: ALL
Defaults:deploy secure_path="$PATH", env_keep += "DOCKER_HOST"
EOF
mkdir -p /etc/app
cp "$folder/deploy.env" /etc/app/
git config --system --add safe.directory '*'
git clone --quiet "$origin" /opt/app
printf 'Host 127.0.0.1\n    Port %s\n' "$port" >/etc/ssh/ssh_config.d/workflow.conf

mkdir -p /run/sshd
exec /usr/sbin/sshd -D -E "$folder/ssh.log" -f /dev/null -h "$folder/host-key" -p "$port" -o ListenAddress=127.0.0.1 -o PidFile=none \
    -o "AuthorizedKeysFile=$folder/key.pub" -o StrictModes=no ${DOCKER_HOST:+-o "SetEnv=DOCKER_HOST=$DOCKER_HOST"}

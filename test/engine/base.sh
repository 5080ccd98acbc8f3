#!/bin/sh
# Makes the base image of the tests as a tar, $1, on a machine that can pull none: a Debian with git, ssh,
# Postgres and Redis, and this machine's Node ($2), npm (folder $3) and authorities.
set -eu
tar=$1 node=$2 npm=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
debootstrap --variant=minbase --include=ca-certificates,git,openssh-client,postgresql,redis-server bookworm "$folder" >"$tar.log" 2>&1
rm -rf "$folder"/var/cache/apt/archives/*.deb "$folder"/var/lib/apt/lists/*
mkdir -p "$folder/usr/local/lib/node_modules"
cp "$node" "$folder/usr/local/bin/node"
cp -RL "$npm" "$folder/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$folder/usr/local/bin/npm"
if [ -e /etc/ssl/certs/ca-certificates.crt ]; then
  cp -L /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/ca-certificates.crt"
fi
tar -C "$folder" -cf "$tar.new" .
mv "$tar.new" "$tar"

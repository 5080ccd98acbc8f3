#!/bin/sh
# Gathers what the services run with into the folder $1: node, git over https and ssh, a shell for git,
# their libraries, the public authorities, one user, and the modules $2 without what only readers need.
set -eu
image=$1
modules=$2

mkdir -p "$image/usr/lib64" "$image/etc/ssl/certs" "$image/usr/share/git-core/templates" \
  "$image/app" "$image/tmp" "$image/etc/slipway" "$image/var/lib/slipway/git" "$image/certs"
for folder in bin sbin lib lib64; do
  if [ -L "/$folder" ]; then mkdir -p "$image/usr/$folder"; ln -s "usr/$folder" "$image/$folder"; fi
done

take() { cp --parents -L "$@" "$image"; }

# Programs at their own places, each with the libraries it is linked with.
git_core=$(git --exec-path)
node=$(command -v node)
for program in "$node" /bin/sh "$(command -v git)" "$(command -v ssh)" "$(command -v ssh-keygen)" "$git_core/git-remote-https"; do
  take "$program"
  ldd "$program" | grep -oE '/[^ ]+\.so[^ ]*' | while read -r library; do take "$library"; done
done
ln -s git-remote-https "$image$git_core/git-remote-http"
if [ "$node" != /usr/local/bin/node ]; then
  mkdir -p "$image/usr/local/bin"
  ln -s "$node" "$image/usr/local/bin/node"
fi
take /etc/ssl/certs/ca-certificates.crt
for file in /etc/nsswitch.conf /etc/host.conf; do if [ -e "$file" ]; then take "$file"; fi; done

# ssh refuses a user without a name.
printf 'root:x:0:0::/:/bin/sh\nslipway:x:65532:65532::/var/lib/slipway:/bin/sh\n' >"$image/etc/passwd"
printf 'root:x:0:\nslipway:x:65532:\n' >"$image/etc/group"
chmod 1777 "$image/tmp"
for service in api cluster-watcher registry-scanner release-worker authority; do mkdir "$image/certs/$service"; done
# Only root can give files away; who gathers to measure need not.
if [ "$(id -u)" = 0 ]; then chown -R 65532:65532 "$image/var/lib/slipway" "$image/certs"; fi

find "$modules" -type f \( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' -o -name '*.md' \) -delete
cp -R "$modules" "$image/app/node_modules"

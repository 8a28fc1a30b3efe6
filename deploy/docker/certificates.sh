#!/bin/sh
# Makes what is missing of the certificates of docker-compose.yml: an authority, the servers', an operator's, an observer's, and
# those of 30 voters of each kind.
set -eu
cd /etc/signvote/certs
make() {
  place=$1
  shift
  [ -e "$place" ] || signvote-certs --directory . "$@"
}

make ca/key.pem init
make server/key.pem server server shard-0 shard-1
make admins/operator admin operator
make clients/observer client observer --role observer
for kind in phone workstation; do
  for number in $(seq -w 30); do
    make "clients/$kind-$number" client "$kind-$number"
  done
done

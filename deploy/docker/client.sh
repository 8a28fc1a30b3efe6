#!/bin/sh
# A client as docker-compose.yml starts it: `client.sh NAME OPTION...`, with the certificate of that name; `client.sh KIND-* ...` takes
# the first free name of KIND-01 to KIND-30, for as long as it runs. It trains on MNIST where /data or /data/mnist holds
# it, else on the built-in digits.
set -eu
name=$1
shift
kind=${name%-\*}
if [ "$kind" != "$name" ]; then
  name=
  for number in $(seq -w 30); do
    exec 9>"/var/lib/signvote/names/$kind-$number"
    if flock -n 9; then
      name=$kind-$number
      break
    fi
  done
  [ -n "$name" ] || { echo "client.sh: all 30 names of $kind are taken" >&2 && exit 5; }
fi

for directory in /data /data/mnist; do
  if [ -e "$directory/train-images-idx3-ubyte" ] || [ -e "$directory/train-images-idx3-ubyte.gz" ]; then
    set -- --set data.format=mnist --set "data.path=$directory" "$@"
  fi
done
exec signvote-client --config /etc/signvote/client.yaml --set "name=$name" \
  --set "tls.directory=/etc/signvote/certs/clients/$name" "$@"

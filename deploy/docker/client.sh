#!/bin/sh
# A client as docker-compose.yml starts it: NAME, and BATCH and INDEX of a voter, come from the environment. With POOL
# instead of NAME it takes the first free name of POOL-01 to POOL-15, for as long as it runs. It trains on MNIST where
# /data or /data/mnist holds it, else on the built-in digits.
set -eu

if [ -n "${POOL:-}" ]; then
  for number in 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15; do
    exec 9>"/var/lib/signvote/$POOL-$number.lock"
    if flock -n 9; then
      NAME=$POOL-$number
      break
    fi
  done
  : "${NAME:?all 15 names of $POOL are taken}"
fi

data="--set data.format=digits"
for directory in /data /data/mnist; do
  if [ -e "$directory/train-images-idx3-ubyte" ] || [ -e "$directory/train-images-idx3-ubyte.gz" ]; then
    data="--set data.format=mnist --set data.path=$directory"
  fi
done

if [ -n "${BATCH:-}" ]; then
  role="--set role=voter --set batch=$BATCH --set data.index=$INDEX"
else
  role="--set role=observer"
fi

# shellcheck disable=SC2086  # lists of words
exec signvote-client --config /etc/signvote/client.yaml \
  --set "name=$NAME" --set "tls.directory=/etc/signvote/certs/clients/$NAME" $role $data

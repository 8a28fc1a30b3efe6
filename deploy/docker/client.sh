#!/bin/sh
# A client as docker-compose.yml starts it: NAME, and BATCH and INDEX of a voter, come from the environment. It trains on
# MNIST where /data or /data/mnist holds it, else on the built-in digits.
set -eu

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
exec signvote-client --config /etc/signvote/client.yaml --set "name=$NAME" $role $data

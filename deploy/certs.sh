#!/usr/bin/env bash
# A private authority for one federation: certificates for its servers, clients and administrators.
set -euo pipefail

usage() {
  cat <<'END'
usage: deploy/certs.sh [--directory DIR] [--until TIME] COMMAND
  init                                   make the authority: DIR/ca (keep its key.pem to yourself)
  server HOST..                          DIR/server: a certificate for these host names and IP addresses, and for loopback
  client NAME [--role voter|observer]    DIR/clients/NAME
  admin NAME                             DIR/admins/NAME
  revoke NAME                            no certificate of NAME is accepted any more; DIR/server/revoked.pem says so
  revoke server HOST                     the same of the server whose first host name is HOST: see below
  list                                   every certificate: valid, expired or revoked, until when, whose
options:
  --directory DIR   where all of this is (certs)
  --until TIME      when the certificate ends, as date -d understands it ("1 year")

Each directory holds certificate.pem, key.pem and ca.pem: name it as tls.directory in server.yaml or client.yaml, or as
signvotectl --tls. Running a command again makes another certificate, which running programs take up by themselves. After
`revoke`, copy DIR/server/revoked.pem to servers on other machines; after `revoke server`, into the directories of clients
and administrators, who refuse that server from their next connection on. Needs openssl.
END
}

die() {
  echo "certs: $1" >&2
  exit "${2:-1}"
}

directory=certs
until_time="1 year"
scratch=""
trap '[[ -z $scratch ]] || rm -rf "$scratch"' EXIT

# The authority's openssl configuration, with the alternative names and the use of one certificate.
configuration() {
  cat <<END
[ca]
default_ca = authority
[authority]
dir = $directory/ca
database = $directory/ca/index.txt
crlnumber = $directory/ca/crlnumber
new_certs_dir = $directory/ca/issued
certificate = $directory/ca/ca.pem
private_key = $directory/ca/key.pem
default_md = sha256
default_crl_days = 3650
rand_serial = yes
unique_subject = no
policy = any
[any]
commonName = supplied
[request]
distinguished_name = nothing
prompt = no
[nothing]
[root]
basicConstraints = critical, CA:true, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = ${2:-clientAuth}
subjectAltName = ${1:-URI:none}
END
}

run_openssl() {
  openssl "$@" 2>"$scratch/errors" || die "openssl $1: $(tail -n 3 "$scratch/errors")"
}

new_key() {
  run_openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"
}

init() {
  [[ ! -e $directory/ca/key.pem ]] || die "$directory/ca has an authority already: another one would make all its certificates worthless"
  mkdir -p "$directory/ca/issued"
  chmod 700 "$directory/ca"
  configuration >"$scratch/openssl.conf"
  new_key "$scratch/key.pem"
  run_openssl req -x509 -new -config "$scratch/openssl.conf" -extensions root -key "$scratch/key.pem" \
    -subj "/CN=signvote authority $(date -u +%Y-%m-%d)" -days 3650 -out "$scratch/ca.pem"
  : >"$directory/ca/index.txt"
  echo 01 >"$directory/ca/crlnumber"
  mv "$scratch/ca.pem" "$directory/ca/ca.pem"
  mv "$scratch/key.pem" "$directory/ca/key.pem"
  publish_revoked
  echo "certs: the authority is $directory/ca/ca.pem; keep $directory/ca/key.pem to yourself"
}

# issue OUT COMMON-NAME ALTERNATIVE-NAMES USE
issue() {
  local out=$1 start end
  [[ -e $directory/ca/key.pem ]] || die "$directory/ca holds no authority: run deploy/certs.sh init first"
  end=$(date -u -d "$until_time" +%Y%m%d%H%M%SZ) || die "--until $until_time: expected a time as date -d takes it" 2
  # Clocks differ a little from machine to machine.
  start=$(date -u -d "1 day ago" +%Y%m%d%H%M%SZ)
  configuration "$3" "$4" >"$scratch/openssl.conf"
  new_key "$scratch/key.pem"
  run_openssl req -new -config "$scratch/openssl.conf" -key "$scratch/key.pem" -subj "/CN=$2" -out "$scratch/request.pem"
  run_openssl ca -batch -notext -config "$scratch/openssl.conf" -extensions leaf -startdate "$start" -enddate "$end" \
    -in "$scratch/request.pem" -out "$scratch/certificate.pem"
  mkdir -p "$out"
  cp "$directory/ca/ca.pem" "$scratch/ca.pem"
  chmod 644 "$scratch/certificate.pem" "$scratch/ca.pem"
  # Whoever reads between these finds no pair, keeps what it has, and looks again.
  mv "$scratch/ca.pem" "$out/ca.pem"
  mv "$scratch/key.pem" "$out/key.pem"
  mv "$scratch/certificate.pem" "$out/certificate.pem"
  echo "certs: $out: $2, until $(date -u -d "$until_time" +%FT%TZ)"
}

check_name() {
  [[ $1 =~ ^[A-Za-z0-9._-]{1,64}$ && $1 != . && $1 != .. ]] || die "\"$1\": expected a name of 1 to 64 of A-Z a-z 0-9 . _ -" 2
}

server_name() { echo "signvote server ${1:0:40}"; }

server() {
  (($# > 0)) || die "server: expected the host names or IP addresses that clients use" 2
  local host names=()
  for host in "$@" localhost 127.0.0.1; do  # administration is on loopback
    [[ $host =~ ^[A-Za-z0-9.:_*-]+$ ]] || die "\"$host\": expected a host name or an IP address" 2
    if [[ $host =~ ^[0-9.]+$ || $host == *:* ]]; then names+=("IP:$host"); else names+=("DNS:$host"); fi
  done
  issue "$directory/server" "$(server_name "$1")" "$(IFS=, && echo "${names[*]}")" serverAuth
  publish_revoked
}

client() {
  check_name "$1"
  [[ $role == voter || $role == observer ]] || die "--role $role: expected voter or observer" 2
  issue "$directory/clients/$1" "$1" "URI:signvote:role:$role" clientAuth
}

admin() {
  check_name "$1"
  issue "$directory/admins/$1" "$1" URI:signvote:role:admin clientAuth
}

publish_revoked() {
  configuration >"$scratch/openssl.conf"
  run_openssl ca -gencrl -config "$scratch/openssl.conf" -out "$scratch/revoked.pem"
  chmod 644 "$scratch/revoked.pem"
  cp "$scratch/revoked.pem" "$directory/ca/revoked.pem"
  [[ ! -d $directory/server ]] || mv "$scratch/revoked.pem" "$directory/server/revoked.pem"
}

# revoke COMMON-NAME WHO: those who need the new list.
revoke() {
  local status serial subject count=0
  configuration >"$scratch/openssl.conf"
  while IFS=$'\t' read -r status serial subject; do
    [[ $status == V && $subject == "/CN=$1" ]] || continue
    run_openssl ca -config "$scratch/openssl.conf" -revoke "$directory/ca/issued/$serial.pem"
    count=$((count + 1))
  done < <(cut -f 1,4,6 "$directory/ca/index.txt")
  ((count > 0)) || die "no valid certificate of $1 was ever made here (deploy/certs.sh list)"
  publish_revoked
  echo "certs: $count certificate(s) of $1 revoked; $2 need the new revoked.pem"
}

list() {
  # Times are YYMMDDHHMMSSZ, from 2050 on YYYYMMDDHHMMSSZ.
  awk -F '\t' -v now="$(date -u +%Y%m%d%H%M%SZ)" '{
    end = length($2) == 13 ? "20" $2 : $2
    printf "%-8s %s  %s  %s\n", ($1 == "R" ? "revoked" : end <= now ? "expired" : "valid"), $2, $4, $6
  }' "$directory/ca/index.txt"
}

main() {
  local words=()
  role=voter
  while (($# > 0)); do
    case $1 in
      --directory | --until | --role)
        (($# > 1)) || die "$1 needs a value" 2
        case $1 in
          --directory) directory=$2 ;;
          --until) until_time=$2 ;;
          --role) role=$2 ;;
        esac
        shift
        ;;
      --help | -h) usage && exit 0 ;;
      -*) usage >&2 && exit 2 ;;
      *) words+=("$1") ;;
    esac
    shift
  done
  command -v openssl >/dev/null || die "openssl is not installed: deploy/install-deps.sh"
  umask 077
  scratch=$(mktemp -d)
  case "${words[0]:-} ${#words[@]}" in
    "init 1" | "list 1") "${words[0]}" ;;
    "server "*) server "${words[@]:1}" ;;
    "client 2" | "admin 2") "${words[0]}" "${words[1]}" ;;
    "revoke 2") check_name "${words[1]}" && revoke "${words[1]}" "servers on other machines" ;;
    "revoke 3")
      [[ ${words[1]} == server ]] || { usage >&2 && exit 2; }
      revoke "$(server_name "${words[2]}")" "clients and administrators"
      ;;
    *) usage >&2 && exit 2 ;;
  esac
}

main "$@"

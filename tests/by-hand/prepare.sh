#!/usr/bin/env bash
# Makes what docs/VERIFY-BY-HAND.md begins with: a ledger `prod`, stamped by an authority of this machine, and published; the trust file
# and the checkpoint that an auditor has by another road; and a receipt that a witness cosigned.
#
#   prepare.sh LEDGER FOLDER    LEDGER is our program; FOLDER is there
set -euo pipefail
program=$(realpath "$1")
cd "$2"
ledger() { "$program" --ledger demo/ledger --state demo/state "$@"; }
"$program" demo --dir demo >/dev/null
cp demo/state/head kept-checkpoint

# A time-stamping authority, and the certificate under which it has its own.
openssl req -x509 -newkey ed25519 -nodes -keyout ca.key -out tsa-ca.pem -days 2 -subj "/CN=root" 2>/dev/null
openssl req -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.csr -subj "/CN=time" 2>/dev/null
printf 'extendedKeyUsage=critical,timeStamping\n' >tsa.ext
openssl x509 -req -in tsa.csr -CA tsa-ca.pem -CAkey ca.key -CAcreateserial -days 1 -extfile tsa.ext -out tsa.pem 2>/dev/null
echo 01 >serial
printf '[tsa]\nserial=serial\nsigner_cert=tsa.pem\nsigner_key=tsa.key\nsigner_digest=sha256\ndefault_policy=1.2.3.4.1
digests=sha256\naccuracy=secs:1\nclock_precision_digits=3\n' >tsa.cnf
ledger timestamp --request-out head.tsq >/dev/null 2>&1
openssl ts -reply -config tsa.cnf -section tsa -queryfile head.tsq -out head.tsr 2>/dev/null
ledger timestamp --response-in head.tsr >/dev/null 2>&1
# What was recorded since: the token is not older than this entry, nor is the checkpoint that was kept.
ledger append evidence.attached --key demo/keys/olga.pem --secret db/orders --description "time token" --attach head.tsr >/dev/null

# A sample, whose pack needs nothing of all this; then the receipts are of what there is.
ledger sample --from 2020-01-01 --to now --size 2 --seed "dice 4 1 6 6 2" --key demo/keys/sam.pem --out sample.zip >/dev/null 2>&1

ledger publish --to copy >/dev/null
ledger trust show --quiet | grep '^log ' >prod.trust
ledger witness init --dir witness --name witness.example/w --log "$(cut -d ' ' -f 2 prod.trust)" >/dev/null
echo "witness w $(cat witness/vkey)" >>prod.trust
ledger prove 41 --entry-out entry-41.bin >entry-41.tlog-proof
ledger --quiet witness cosign --dir witness demo/ledger/checkpoint >>entry-41.tlog-proof
mv demo/ledger prod
rm -rf demo witness ca.key tsa.* tsa-ca.srl head.* serial*

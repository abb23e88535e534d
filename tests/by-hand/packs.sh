#!/usr/bin/env bash
# Exports packs and checks them as their VERIFY.md says, with programs that we did not write: good ones pass, and whatever was
# done to the others shows at the step that the text says. Attestations are checked by securesystemslib.
#
#   packs.sh LEDGER PYTHON    the program; a python that has securesystemslib and bagit-utils, with bagit.py beside it
set -euo pipefail
ledger=$(realpath "$1") python=$2 here=$(cd "$(dirname "$0")" && pwd)
bagit=$(dirname "$python")/bagit.py
for program in awk b3sum cut diff find openssl sha256sum ssh-keygen; do
  PATH=/usr/bin:/bin command -v "$program" >/dev/null || { echo "$program is not installed in /usr/bin or /bin" >&2; exit 1; }
done
test -e "$bagit" || { echo "$bagit is missing" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# A ledger, and a time-stamping authority with a root of its own.
"$ledger" demo --dir demo >/dev/null
ledger() { "$ledger" --quiet --ledger demo/ledger --state demo/state "$@"; }
authority() {
  mkdir "$1"
  (
    cd "$1"
    printf '[tsa]\nserial=serial\nsigner_cert=tsa.pem\nsigner_key=tsa.key\nsigner_digest=sha256\ndefault_policy=1.2.3.4.1\ndigests=sha256\n' >ts.cnf
    printf 'basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n' >leaf.ext
    echo 01 >serial
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj "/CN=Root $1"
    openssl req -new -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.csr -subj "/CN=Time $1"
    openssl x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -extfile leaf.ext -out tsa.pem
  ) 2>"$1.log" >&2 || { cat "$1.log" >&2; exit 1; }
}
stamp() { (cd "$1" && openssl ts -reply -config ts.cnf -section tsa -queryfile "$2" -out "$3") 2>/dev/null; }
authority one
authority other

export LEDGER_KEY=demo/keys/sam.pem
ledger export --out plain.zip --rotation rot-1 >plain.txt
ledger timestamp --request-out head.tsq
stamp one "$work/head.tsq" "$work/head.tsr"
ledger timestamp --response-in head.tsr >/dev/null
ledger export --out stamped.zip --rotation rot-1 >stamped.txt
ledger export --out whole.zip >whole.txt
ledger export --out rotations.jsonl --format in-toto >rotations.txt

# unpack PACK NAME: in a folder of its own, with what the reader was told and given. Prints the folder of the bag.
unpack() {
  mkdir "$2"
  "$python" -m zipfile -e "$1.zip" "$2"
  ledger trust show >"$2/trust.txt" 2>/dev/null
  cp one/ca.pem "$2/tsa-ca.pem"
  echo "$work/$2"/pack-*/
}
steps() { sh "$here/pack-steps.sh" "$@"; }
# Two readers of bags: the second refuses any file that no list names.
valid() {
  "$python" "$bagit" --quiet --validate "$1" 2>/dev/null &&
    "$python" -c 'import pathlib, sys, bagit_utils; sys.exit(not bagit_utils.Bag(pathlib.Path(sys.argv[1])).validate().valid)' "$1"
}

for pack in plain stamped whole; do
  bag=$(unpack "$pack" "good-$pack")
  steps "$bag"
  valid "$bag"
  # These say that they print nothing.
  test -z "$(steps "$bag" 2 3 4 2>&1)"
done
"$python" "$here/attestations.py" rotations.jsonl "$(sed -n 's/^ *pack key *//p' whole.txt)" good-whole/pack-*/data/ledger/entries
! grep -q 'openssl ts' good-plain/*/data/VERIFY.md
grep -q 'openssl ts' good-stamped/*/data/VERIFY.md

# fails STEP BAG [STEP…]: of all steps, or of those, the first one that fails.
fails() {
  local said step=$1
  shift
  if said=$(steps "$@" 2>&1); then echo "passed: $*" >&2; exit 1; fi
  grep -qx "failed at step $step" <<<"$said" || { printf 'not at step %s: %s\n' "$step" "$said" >&2; exit 1; }
  echo "fails at step $step: $(basename "$(dirname "$1")")"
}
# Another byte in a file of the same length.
flip() { "$python" -c 'import sys; b = bytearray(open(sys.argv[1], "rb").read()); b[len(b) // 2] ^= 1; open(sys.argv[1], "wb").write(b)' "$1"; }
payload() { (cd "$1" && find data -type f | LC_ALL=C sort | xargs sha256sum >manifest-sha256.txt); }
tags() { (cd "$1" && sha256sum bag-info.txt bagit.txt manifest-sha256.txt manifest-sha256.txt.sig manifest-sha256.txt.sshsig >tagmanifest-sha256.txt); }
lists() { payload "$1" && tags "$1"; }
openssl genpkey -algorithm ed25519 -out mallory.pem
ssh-keygen -q -t ed25519 -N '' -f mallory.ssh
sign() { openssl pkeyutl -sign -inkey mallory.pem -rawin -in "$1/manifest-sha256.txt" -out "$1/manifest-sha256.txt.sig" && tags "$1"; }
sign_ssh() { ssh-keygen -q -Y sign -f mallory.ssh -n pack@rotation-ledger <"$1/manifest-sha256.txt" >"$1/manifest-sha256.txt.sshsig" && tags "$1"; }

bag=$(unpack stamped payload-byte) && flip "$bag/data/report.html"
fails 2 "$bag"
if valid "$bag"; then echo "bagit.py takes a changed file" >&2; exit 1; fi
bag=$(unpack stamped missing-file) && rm "$bag/data/evidence/rot-1.txt"
fails 2 "$bag"
if valid "$bag"; then echo "bagit.py takes a missing file" >&2; exit 1; fi
bag=$(unpack stamped unlisted-file) && echo more >"$bag/NOTE.txt"
fails 3 "$bag"
bag=$(unpack stamped unlisted-file-of-the-payload) && echo more >"$bag/data/evidence/rot-9.txt"
fails 3 "$bag"
bag=$(unpack stamped unlisted-link) && ln -s /etc/passwd "$bag/data/evidence/rot-9.txt"
fails 3 "$bag"
bag=$(unpack stamped lists-made-anew) && flip "$bag/data/report.html" && lists "$bag"
fails 1 "$bag"
bag=$(unpack stamped another-signature) && sign "$bag"
fails 1 "$bag"
bag=$(unpack stamped another-ssh-signature) && sign_ssh "$bag"
fails 1 "$bag"
bag=$(unpack stamped signature-of-another-pack) && cp good-whole/*/manifest-sha256.txt.sig "$bag" && tags "$bag"
fails 1 "$bag"
bag=$(unpack stamped signed-anew-with-another-key-inside)
openssl pkey -in mallory.pem -pubout -out "$bag/data/keys/pack.pem"
printf '%s namespaces="pack@rotation-ledger" %s\n' "$(cut -d ' ' -f 1 "$bag/data/keys/allowed_signers")" "$(cut -d ' ' -f 1,2 mallory.ssh.pub)" >mallory.signers
cp mallory.signers "$bag/data/keys/allowed_signers"
lists "$bag" && sign "$bag" && sign_ssh "$bag"
fails 1 "$bag"
bag=$(unpack stamped another-key-told)
sed -i "s|^# pack key pem .*|# pack key pem $(openssl pkey -in mallory.pem -pubout | sed -n 2p)|" "$bag/../trust.txt"
fails 1 "$bag"
bag=$(unpack stamped another-ssh-key-told)
sed -i "s|^# pack key ssh .*|# pack key ssh $(cut -d ' ' -f 1,2 mallory.ssh.pub)|" "$bag/../trust.txt"
fails 1 "$bag"
bag=$(unpack stamped no-key-told) && sed -i '/^# pack key/d' "$bag/../trust.txt"
fails 1 "$bag"

# A program that is not here is told as that, at its step, and as nothing else.
lacks() {
  local said
  said=$(cd "$bag" && awk -v wanted="$2" '/^## / { step = $2 + 0 } /^```/ { inside = ($0 == "```sh") && step == wanted; next } inside' data/VERIFY.md >../step && env -i PATH="$work/few" sh -eu ../step 2>&1) && exit 1
  test "$said" = "NOT DONE: $1" || { printf 'without it: %s\n' "$said" >&2; exit 1; }
}
bag=$(unpack stamped few-programs)
mkdir few
for program in sh cat cut tr xargs diff sed sort find; do ln -s "$(PATH=/usr/bin:/bin command -v "$program")" "few/$program"; done
lacks 'ssh-keygen is not here' 1
lacks 'neither sha256sum nor shasum is here' 2
lacks 'b3sum is not here' 4
ln -s "$(command -v shasum)" few/shasum && ln -s "$(command -v perl)" few/perl
(cd "$bag" && awk '/^## / { step = $2 + 0 } /^```/ { inside = ($0 == "```sh") && step == 2; next } inside' data/VERIFY.md >../step && env -i PATH="$work/few" sh -eu ../step)

# What the exporter's own key could sign: steps 1 to 3 have nothing against it.
bag=$(unpack whole entry-by-the-exporter) && flip "$bag/data/ledger/entries/000000003.bin" && lists "$bag"
fails 4 "$bag" 2 3 4
bag=$(unpack whole last-entry-by-the-exporter) && flip "$(printf '%s\n' "$bag"data/ledger/entries/*.bin | tail -n 1)" && lists "$bag"
fails 4 "$bag" 2 3 4
bag=$(unpack stamped token-by-another-authority)
stamp other "$work/head.tsq" "$(printf '%s' "$bag"data/ledger/timestamps/*.tsr)"
fails 6 "$bag" 6
bag=$(unpack stamped stamped-checkpoint-changed) && flip "$(printf '%s' "$bag"data/ledger/timestamps/*.checkpoint)"
fails 6 "$bag" 6
echo "every step holds for what is good, and fails for what is not"

#!/bin/sh
# A program that was built with the auditor's page gives it, to a file and to a browser, with its policy.
#   carried.sh LEDGER PAGE
set -eu
LEDGER=$(realpath "$1") page=$(realpath "$2")
here=$(cd "$(dirname "$0")/.." && pwd)
export LEDGER LEDGER_PATH=prod LEDGER_STATE=state
folder=$(mktemp -d) && cd "$folder"
trap 'kill $server 2>/dev/null || true; rm -rf "$folder"' EXIT
server=
"$LEDGER" auditor-page --out auditor.html > said
cmp auditor.html "$page"
sha256sum --check --quiet said
"$here/support/prepared-ledger.sh"
"$LEDGER" -q serve --listen 127.0.0.1:0 > listening &
server=$!
until address=$(sed -n 's/^listening on //p' listening) && [ -n "$address" ]; do sleep 0.1; kill -0 $server; done
# Nobody needs a token for it: it is a program, and has nothing of the ledger.
curl -sS -D head -o served "http://$address/auditor"
cmp served "$page"
policy=$(sed -n "s/.*Content-Security-Policy\" content=\"\([^\"]*\)\".*/\1/p" "$page")
tr -d '\r' < head | grep -qxF "content-security-policy: $policy; frame-ancestors 'none'"
echo "the program gives the page that was built"

#!/usr/bin/env bash
# A server, asked by programs that we did not write: schemathesis holds its answers against /openapi.json,
# prometheus_client reads /metrics.
#
#   served.sh LEDGER BIN     the program, and the folder that has python and schemathesis
set -euo pipefail
LEDGER=$(realpath "$1") bin=$(realpath "$2")
here=$(cd "$(dirname "$0")/.." && pwd)
export LEDGER LEDGER_PATH=prod LEDGER_STATE=state
folder=$(mktemp -d) && cd "$folder"
trap 'kill $server 2>/dev/null || true; rm -rf "$folder"' EXIT
"$here/support/prepared-ledger.sh"
"$LEDGER" -q token issue tester --key alice.pem --scope append --expires 1d --out token >issued
"$LEDGER" -q serve --listen 127.0.0.1:0 --rate 0 >said &
server=$!
until address=$(sed -n 's/^listening on //p' said) && [ -n "$address" ]; do sleep 0.1; kill -0 $server; done
token=$(cat token)

# What no schema can say: a statement needs its author's signature, an attachment the digest of its bytes.
cat >schemathesis.toml <<'END'
[[operations]]
include-name = "POST /v1/statements"
checks.positive_data_acceptance.enabled = false

[[operations]]
include-name = "PUT /v1/attachments/{blake3}"
checks.positive_data_acceptance.enabled = false
END
"$bin/schemathesis" run "http://$address/openapi.json" --header "Authorization: Bearer $token" --warnings off \
  --phases examples,coverage,fuzzing --max-examples 60 --max-time 90 --seed 1 --request-timeout 10 --no-color

curl -sS -H "Authorization: Bearer $token" -o metrics "http://$address/metrics"
"$bin/python" - <<'END'
from prometheus_client.openmetrics.parser import text_string_to_metric_families
families = {family.name: family for family in text_string_to_metric_families(open("metrics").read())}
for name in ("ledger_http_requests", "ledger_rejects", "ledger_head_age_seconds", "ledger_commit_entries"):
    assert name in families, (name, sorted(families))
assert all(family.documentation for family in families.values())
print(len(families), "metrics read")
END

kill -TERM $server && wait $server
"$LEDGER" -q verify >/dev/null

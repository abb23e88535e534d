#!/bin/sh
# A ledger `prod` to tell stories in: Alice is its Security Owner, Petra its Platform Owner, Olga its
# Operator; the secret db/orders is used by api and worker. $LEDGER is the program.
set -e
exec >/dev/null
for name in alice petra olga; do
    "$LEDGER" --quiet key generate --out "$name.pem"
done
export LEDGER_KEY=alice.pem
"$LEDGER" --quiet init --origin ledger.example/prod --actor alice --name "Alice Ek"
"$LEDGER" actor enroll --actor petra --name "Petra Nowak" --kind human --role platform_owner --public petra.pem.pub
"$LEDGER" actor enroll --actor olga --name "Olga Ruiz" --kind human --role operator --public olga.pem.pub
"$LEDGER" secret register --secret db/orders --name "Orders database" --class database_credential \
    --store vault:kv/prod/db/orders --owner "Team Orders" --consumers api,worker --dual-run yes \
    --version v7 --last-rotated 2026-09-01

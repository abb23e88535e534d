# a ledger, two people with keys of their own, two secrets (SOP 2, 3)
ledger key generate --out keys/sam.pem
ledger key generate --out keys/olga.pem
ledger init --origin ledger.example/demo --key keys/sam.pem --actor sam --name "Sam Security"
ledger actor enroll --key keys/sam.pem --actor olga --name "Olga Operator" --kind human --role operator --public keys/olga.pem.pub
ledger secret register --key keys/sam.pem --secret db/orders --name "Orders database login" --class database_credential --store vault:prod/orders --owner "orders team" --consumers orders-api,billing --dual-run yes --version v41 --last-rotated 80d
ledger secret register --key keys/sam.pem --secret ext/geocoder --name "Geocoder partner key" --class third_party --store vault:prod/geocoder --owner "routes team" --consumers routing --dual-run no --version v3 --last-rotated 80d
ledger secret attest --key keys/sam.pem --query "all logins of this folder"
echo accepted >playbooks/v41.login; echo accepted >playbooks/v3.login
# a scheduled rotation with dual-run: people speak, the playbook does the rest (SOP 6)
ledger rotate db/orders --key keys/olga.pem --rotation rot-1
ledger rotate db/orders --key keys/sam.pem --sign-off --field no_window="no downtime by dual-run"
ledger rotate db/orders --key keys/olga.pem
ledger rotate db/orders --key keys/sam.pem --sign-off
# an emergency: revoked first, then replaced (SOP 7)
ledger rotate ext/geocoder --key keys/olga.pem --rotation rot-2 --emergency --why "key in a public log"
ledger rotate ext/geocoder --key keys/sam.pem --sign-off --field summary="no misuse in 30 days of access logs"
# what an auditor sees
ledger verify
ledger verify --rotation rot-1

#!/bin/sh
# Installs what docs/deploy/package.sh made where nothing of ours is, and has it play its demo there.
#   installed.sh OUT            as root, with debootstrap
set -eu
out=$(realpath "$1")
here=$(dirname "$(realpath "$0")")/../..
work=$(mktemp -d)
trap 'umount "$work/root/proc" 2>/dev/null || true; rm -rf "$work"' EXIT
deb=$(ls "$out"/*.deb) image=$(ls "$out"/*-oci.tar) archive=$(ls "$out"/*.tar.gz)
plays() { chroot "$1" /usr/bin/ledger demo > "$work/said" && grep -q '^PASSED ' "$work/said" && grep -q '^FAILED  1 finding in integrity' "$work/said"; }

# The package, in a Debian that has nothing else.
debootstrap --variant=minbase stable "$work/root" > "$work/log" 2>&1 || { tail "$work/log"; exit 1; }
cp "$deb" "$work/root/ledger.deb"
chroot "$work/root" dpkg -i /ledger.deb
chroot "$work/root" dpkg --verify ledger
plays "$work/root"
for file in lib/systemd/system/ledger-serve.service share/bash-completion/completions/ledger share/man/man1/ledger-rotate.1.gz share/doc/ledger/playbooks/postgres-two-roles.toml; do
  # A small Debian leaves out documents; then the package has them.
  test -e "$work/root/usr/$file" || dpkg-deb -c "$deb" | grep -q "usr/$file"
done
! grep -rn /usr/local "$work/root/usr/lib/systemd/system"/ledger-*

# The image, its layer unpacked as an engine does it.
mkdir "$work/image" "$work/layer" && tar -xf "$image" -C "$work/image"
cd "$work/image"
for blob in blobs/sha256/*; do echo "${blob##*/}  $blob"; done | sha256sum --check --quiet
manifest=$(sed 's/.*"digest":"sha256:\([0-9a-f]*\)".*/\1/' index.json)
layer=$(sed 's/.*"digest":"sha256:\([0-9a-f]*\)".*/\1/' "blobs/sha256/$manifest")
tar -xzf "blobs/sha256/$layer" -C "$work/layer"
# Nothing is in it but the program, so no playbook of a shell can be played.
inside() { chroot "$work/layer" /usr/bin/ledger --ledger /ledger --state /state "$@"; }
inside key generate --out /state/sam.pem
inside init --key /state/sam.pem --actor sam --name Sam --origin ledger.example/image
inside verify | grep -q '^PASSED '

# The archive, by its digest alone.
mkdir "$work/bin"
digest=$(sha256sum < "$archive" | cut -d' ' -f1)
"$here/docs/deploy/install.sh" "$archive" "$digest" "$work/bin"
rm "$work/bin/ledger"
if "$here/docs/deploy/install.sh" "$archive" "$(echo "$digest" | tr 0-9a-f 1-9a-f0)" "$work/bin" 2> "$work/said"; then exit 1; fi
test ! -e "$work/bin/ledger" && grep -q 'nothing was installed' "$work/said"
echo "installed and played: package, image, archive"

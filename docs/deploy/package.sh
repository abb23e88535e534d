#!/bin/sh
# Makes what can be installed out of one static program: a Debian package, an archive, and a container image in the
# form of OCI, without a container engine. Equal inputs give equal files.
#
#   docs/deploy/auditor-page.sh auditor.html
#   LEDGER_AUDITOR_PAGE=$PWD/auditor.html cargo build --release --features auditor-page --target x86_64-unknown-linux-musl
#   docs/deploy/package.sh target/x86_64-unknown-linux-musl/release/ledger out
set -eu
program=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
here=$(dirname "$(realpath "$0")")
version=$("$program" --version | cut -d' ' -f2)
# When nothing else is said, the time of the newest commit.
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git -C "$here" log -1 --format=%ct)}"
arch=$(dpkg --print-architecture 2>/dev/null || uname -m)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022

# The Debian package: program, manual pages, completions, units for systemd, playbooks.
deb="$work/deb"
share="$deb/usr/share"
mkdir -p "$deb/DEBIAN" "$deb/usr/bin" "$deb/usr/lib/systemd/system" "$share/man/man1" "$share/doc/ledger/playbooks" \
  "$share/bash-completion/completions" "$share/zsh/vendor-completions" "$share/fish/vendor_completions.d"
install -m 755 "$program" "$deb/usr/bin/ledger"
"$program" --quiet man "$share/man/man1"
gzip -9n "$share"/man/man1/*
"$program" completions bash > "$share/bash-completion/completions/ledger"
"$program" completions zsh > "$share/zsh/vendor-completions/_ledger"
"$program" completions fish > "$share/fish/vendor_completions.d/ledger.fish"
for unit in "$here"/*.service "$here"/*.timer; do
  sed 's|/usr/local/bin/ledger|/usr/bin/ledger|' "$unit" > "$deb/usr/lib/systemd/system/${unit##*/}"
done
cp "$here"/../playbooks/*.toml "$share/doc/ledger/playbooks/"
cp "$here/../../LICENSE" "$share/doc/ledger/copyright"
cat > "$deb/DEBIAN/control" <<END
Package: ledger
Version: $version
Architecture: $arch
Maintainer: the rotation ledger's founders <ledger@ledger.example>
Section: admin
Priority: optional
Installed-Size: $(du -ks "$deb/usr" | cut -f1)
Description: tamper-evident evidence of production secret rotations
 Append-only, signed and hash-chained: rotation tools and people append events,
 auditors verify them and print the evidence template of the rotation SOP.
END
(cd "$deb" && find usr -type f | LC_ALL=C sort | xargs md5sum > DEBIAN/md5sums)
find "$deb" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zxz --build "$deb" "$out/ledger_${version}_$arch.deb" > /dev/null

# The program alone.
packed() { tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -C "$1" -cf - .; }
mkdir "$work/alone"
cp "$deb/usr/bin/ledger" "$here/../../LICENSE" "$work/alone"
packed "$work/alone" | gzip -9n > "$out/ledger-$version-$(uname -m)-linux.tar.gz"

# The image: one layer with the program, run as nobody; the ledger is mounted at /ledger, its state at /state.
layer="$work/layer"
mkdir -p "$layer/usr/bin" "$layer/ledger" "$layer/state" "$layer/tmp"
chmod 1777 "$layer/tmp" && chmod 700 "$layer/state"
cp "$deb/usr/bin/ledger" "$layer/usr/bin/ledger"
image="$work/image"
mkdir -p "$image/blobs/sha256"
put() { # stdin, named by its digest; prints it
  cat > "$work/blob" && digest=$(sha256sum < "$work/blob" | cut -d' ' -f1)
  size=$(wc -c < "$work/blob") && mv "$work/blob" "$image/blobs/sha256/$digest"
  printf '"digest":"sha256:%s","size":%d' "$digest" "$size"
}
tar --sort=name --owner=65534 --group=65534 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -C "$layer" -cf "$work/layer.tar" .
plain=$(sha256sum < "$work/layer.tar" | cut -d' ' -f1)
kind=application/vnd.oci.image
blob=$(gzip -9n < "$work/layer.tar" | put)
config=$(printf '{"architecture":"%s","os":"linux","config":{"User":"65534:65534","Env":["LEDGER_PATH=/ledger","LEDGER_STATE=/state"],"Entrypoint":["/usr/bin/ledger"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$arch" "$plain" | put)
manifest=$(printf '{"schemaVersion":2,"mediaType":"%s.manifest.v1+json","config":{"mediaType":"%s.config.v1+json",%s},"layers":[{"mediaType":"%s.layer.v1.tar+gzip",%s}]}' "$kind" "$kind" "$config" "$kind" "$blob" | put)
printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s.manifest.v1+json",%s,"annotations":{"org.opencontainers.image.ref.name":"ledger:%s"}}]}' "$kind" "$manifest" "$version" > "$image/index.json"
printf '{"imageLayoutVersion":"1.0.0"}' > "$image/oci-layout"
packed "$image" > "$out/ledger-$version-$(uname -m)-oci.tar"
(cd "$out" && sha256sum ledger[_-]"$version"* > SHA256SUMS && cat SHA256SUMS)

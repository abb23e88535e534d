"""A second verifier of evidence packs, written from docs/FORMAT.md; verify.py, which judges ledgers, reads the entries.

`verify_pack.py PACK PACK_KEY VKEY` takes a pack (its zip, or the folder that came out of it), the pack key in hex and the
ledger's key as a trust file has it, both by another road than the pack, and prints `PASS entries N of SIZE` or `FAIL <reason>`. It judges zip, bag and signatures,
and that the entries are the ledger's, all of them of each secret that has any: not the documents that are made from
them (report, tables, templates), time tokens and cosignatures, nor what verify.py does not judge.
"""
import base64, hashlib, io, json, pathlib, re, struct, sys, zipfile, zlib
import verify
from verify import blake3, need, sha256, signed_by

NAME = re.compile(r"(?!.{241})(?:(?!\.{1,2}/)[A-Za-z0-9._-]+/)+(?!\.{1,2}$)[A-Za-z0-9._-]+")
FAULTS = verify.Bad, zipfile.BadZipFile, LookupError, NotImplementedError, RuntimeError, TypeError, ValueError
TAGS = {"bag-info.txt", "bagit.txt", "manifest-sha256.txt"}
SIGNATURES = ".sig", ".sshsig"

class Absent:
    """The link of an entry that is not in the pack. What others say of it they signed, and the checkpoint seals."""
    def __eq__(self, other):
        return True

def zip_of(files):
    parts, listed, offset = [], [], 0
    for name, data in sorted((name.encode(), data) for name, data in files.items()):
        same = struct.pack("<H6xHIIIHH", 10, 0x21, zlib.crc32(data), len(data), len(data), len(name), 0)
        parts.append(b"PK\3\4" + same + name + data)
        listed.append(b"PK\1\2\x1e\3" + same + bytes(6) + struct.pack("<II", 0o100644 << 16, offset) + name)
        offset += len(parts[-1])
    end = struct.pack("<4xHHIIH", len(files), len(files), sum(map(len, listed)), offset, 0)
    return b"".join([*parts, *listed, b"PK\5\6", end])

def read_zip(data):
    archive = zipfile.ZipFile(io.BytesIO(data))
    need(all(one.compress_type == 0 for one in archive.infolist()), "zip: compressed")
    files = {one.filename: archive.read(one) for one in archive.infolist()}
    tops = {name.partition("/")[0] for name in files}
    folders = {str(folder).lower() for name in files for folder in pathlib.PurePosixPath(name).parents}
    need(len(files) < 65535, "zip: more files than this program reads")
    need(all(map(NAME.fullmatch, files)) and zip_of(files) == data, "zip: not the one zip of files with such names")
    need(len(tops) == 1 and len(folders | {name.lower() for name in files}) == len(folders) + len(files),
         "zip: two folders, or names that differ in case alone, or of a file and a folder")
    return {name.partition("/")[2]: data for name, data in files.items()}, tops.pop()

def read_folder(folder):
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if not path.is_dir()}
    need(not any(path.is_symlink() for path in files.values()), "folder: a link")
    return {name: path.read_bytes() for name, path in files.items()}, folder.resolve().name

def manifest(files, names):
    return "".join(f"{sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(names)).encode()

def check_sshsig(armour, key, text):
    string = lambda data: struct.pack(">I", len(data)) + data
    head = string(b"pack@rotation-ledger") + string(b"") + string(b"sha512")
    named = b"SSHSIG" + struct.pack(">I", 1) + string(string(b"ssh-ed25519") + string(key)) + head
    blob = base64.b64decode("".join(armour.decode().split("\n")[1:-2]))
    coded = re.findall(".{1,70}", base64.b64encode(blob).decode())
    whole = ["-----BEGIN SSH SIGNATURE-----", *coded, "-----END SSH SIGNATURE-----", ""]
    need(armour.decode().split("\n") == whole and blob == named + string(string(b"ssh-ed25519") + string(blob[-64:]))
         and signed_by(key, b"SSHSIG" + head + string(hashlib.sha512(text).digest()), blob[-64:]),
         "bag: the OpenSSH signature does not hold")

def check_bag(files, key):
    payload = {name for name in files if name.startswith("data/")}
    # Earlier packs are signed over the list of tag files, which then lists no signature.
    first = "tagmanifest-sha256.txt.sig" in files
    signed = "tagmanifest-sha256.txt" if first else "manifest-sha256.txt"
    seal = {signed + ending for ending in SIGNATURES}
    strange = files.keys() ^ (payload | TAGS | seal | {"tagmanifest-sha256.txt"})
    need(not strange, f"bag: {', '.join(sorted(strange))} is missing, or listed nowhere")
    need(files["bagit.txt"] == b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n", "bag: another bagit.txt")
    need(files["manifest-sha256.txt"] == manifest(files, payload), "bag: manifest-sha256.txt is not of these files")
    tags = manifest(files, TAGS if first else TAGS | seal)
    need(files["tagmanifest-sha256.txt"] == tags, "bag: tagmanifest-sha256.txt is not of these files")
    need(signed_by(key, files[signed], files[signed + ".sig"]), "bag: the raw signature does not hold")
    check_sshsig(files[signed + ".sshsig"], key, files[signed])

def numbered(files, pattern):
    inside = [name for name in files if name.startswith(pattern.partition("*")[0])]
    named = {int(re.sub("[^0-9]", "", name) or 0): name for name in inside}
    need(inside == [pattern.replace("*", f"{n:09}") for n in sorted(named)], f"another name than {pattern}")
    return named

def read_checkpoint(data, origin, key):
    note = verify.CHECKPOINT.fullmatch(data.decode())
    need(note and note[2] == origin, "checkpoint: none of this ledger")
    lines = [(name, verify.from_base64(rest)) for name, rest in re.findall("— (.+) (.+)", note[5])]
    line = origin, sha256(origin.encode() + b"\n\1" + key).digest()[:4]
    mine = [rest[4:] for name, rest in lines if (name, rest[:4]) == line]
    need(mine and all(signed_by(key, note[1].encode(), one) for one in mine), "checkpoint: not by the sealing key")
    return int(note[3]), verify.from_base64(note[4])

def check_receipt(n, entry, receipt, checkpoint, size, root):
    text, _, note = receipt.partition(b"\n\n")
    first, index, *path = text.decode().split("\n")
    need((first, index, note) == ("c2sp.org/tlog-proof@v1", f"index {n}", checkpoint), f"receipt {n}: not in its form")
    node, place, last = sha256(b"\0" + entry).digest(), n, size - 1
    for beside in map(verify.from_base64, path):
        need(last and len(beside) == 32, f"receipt {n}: leads beside the root")
        left = place & 1 or place == last
        node = sha256(b"\1" + (beside + node if left else node + beside)).digest()
        while left and not place & 1 and place:
            place, last = place >> 1, last >> 1
        place, last = place >> 1, last >> 1
    need(last == 0 and node == root, f"receipt {n}: leads to another root")

def check_entries(files, origin, sealing_key):
    """Judges the entries that there are; the register of them, and the last, which is the record of the export."""
    checkpoint, register = files["data/ledger/checkpoint"], verify.Register()
    size, root = read_checkpoint(checkpoint, origin, sealing_key)
    entries, receipts = (numbered(files, f"data/ledger/{name}") for name in ("entries/*.bin", "receipts/*.tlog-proof"))
    need(0 in entries and entries.keys() == receipts.keys(), "an entry without its receipt, or a receipt without entry")
    for n, name in entries.items():
        register.links += [Absent()] * (n - len(register.links))
        register.place(files[name])
        check_receipt(n, files[name], files[receipts[n]], checkpoint, size, root)
    record = verify.read_entry(files[name])[1]
    need(record["event"] == "pack.exported" and record["size"] == n == size - 1 and record["entries"] == len(entries),
         "the last entry is not the record of this pack")
    need(register.origin == origin and register.seals[-1][1] == sealing_key, "the entries name another sealing key")
    return register, record

def drawn(selection, listed):
    """The ids that the seed of a sample draws out of the list in the pack."""
    said, _, seed = selection.partition("; pack key")[0].removesuffix("; without attachments").partition(", seed ")
    size, population = said.split(" ")[2], said.split(" ")[-1]
    need(sha256(listed).hexdigest() == population, "the list of the sample is not what the record states")
    seed = seed.rpartition(": ")[2] if seed.startswith("cosigned ") else seed
    return sorted(listed.decode().split(), key=lambda one: sha256(f"{seed} {one}".encode()).hexdigest())[:int(size)]

def check_ends(rows, register, record, listed):
    """No secret's entries end earlier than the ledger's did, and what was selected is there."""
    rows = {row["secret"]: row["last_entry"] for row in rows}
    ends = "".join(f"{secret} {rows[secret]}\n" for secret in sorted(rows, key=str.encode))
    need(record["ends_sha256"] == sha256(ends.encode()).digest(), "secrets.json is not what the record states")
    there = {secret: after - 1 for secret, after in register.threads.items()}
    need(there.items() <= rows.items(), "a secret's entries end earlier than the record states")
    kind, _, name = record["selection"].partition(";")[0].partition(" ")
    told = drawn(record["selection"], listed) if kind == "sample" else [name]
    of = {register.about.get(("rotation", rotation)) for rotation in told}
    wanted = {"sample": of, "secret": {name}, "rotation": of, "everything": rows.keys()}
    need(wanted.get(kind, set()) <= there.keys(), "what was selected is not there")

def check_files(there, register, without):
    named = {file["blake3"].hex(): file for _, file in register.files}
    need(there.keys() <= named.keys(), "an attached file that no entry names")
    for digest, file in named.items():
        data = there.get(digest)
        same = data is not None and [blake3(data).digest(), sha256(data).digest(), len(data)] == [*file.values()][:3]
        need(same or data is None and (without or file["blake3"] in register.expunged), f"attached file {digest}")

def verdict(pack, pack_key, vkey):
    origin, _, key = vkey.split("+", 2)
    try:
        files, folder = read_folder(pack) if pack.is_dir() else read_zip(pack.read_bytes())
        check_bag(files, pack_key)
        register, record = check_entries(files, origin, verify.from_base64(key)[1:])
        need(folder == f"pack-{register.links[0].hex()[:8]}-{record['size']}", "the folder is named for another pack")
        need(record["selection"].endswith(f"; pack key {pack_key.hex()}"), "the record names another pack key")
        listed = files.get("data/sample/population.txt", b"")
        check_ends(json.loads(files["data/secrets.json"])["secrets"], register, record, listed)
        check_files({name[17:]: data for name, data in files.items() if name.startswith("data/attachments/")}, register,
                    "; without attachments" in record["selection"])
    except FAULTS as fault:
        return f"FAIL {fault.args[0]}"
    return f"PASS entries {record['entries']} of {record['size'] + 1}"

if __name__ == "__main__":
    print(said := verdict(pathlib.Path(sys.argv[1]), bytes.fromhex(sys.argv[2]), sys.argv[3]))
    sys.exit(not said.startswith("PASS"))

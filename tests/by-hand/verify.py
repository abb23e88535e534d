#!/usr/bin/env python3
"""A second verifier of a ledger's integrity, written from docs/FORMAT.md and sharing no code with the first.

    verify.py FOLDER            the folder of a ledger, or a published copy of one
    verify.py --flips FOLDER    the folder with one byte changed (xor), for each line `FILE OFFSET MASK` of stdin; then as it is

Prints `PASS entries N root HEX` or `FAIL <first sequence, or -> <reason>`; exits with 0 or 1. Needs Python 3.8, standards.py
beside it, and the tables of docs/EVENTS.md (LEDGER_EVENTS says where that is). It judges integrity only: that these bytes
were signed, linked and sealed. Whether their authors were entitled, whether who holds the keys wrote all of it anew, and
what it says about the SOP, it does not judge. Of a published copy it passes over files that a later or earlier size left.
"""
import os, re, struct, sys
from itertools import chain
from standards import admitted, blake3, from_base64, read_note, root_of, sha256, signed_by, tile_path

class Bad(Exception):
    """A reason, and the sequence of the entry that it is held against, or `-`."""

def need(holds, reason, sequence="-"):
    if not holds:
        raise Bad(reason, sequence)

def derived(purpose, data):
    return blake3(data, b"rotation-ledger 2026-11-23 " + purpose + b" v1")

# --- Values, statements and entries
INTEGERS = {"u8": "<B", "u16": "<H", "u32": "<I", "u64": "<Q", "i32": "<i", "time": "<q"}
FIXED = {"public key": 32, "SHA-256": 32, "BLAKE3": 32, "link": 32, "Merkle root": 32, "signature": 64, "event id": 16}
TEXTS = {"id": (128, r"[A-Za-z0-9._:/@+=#~-]+"), "reference": (512, r"\S+"), "line": (1024, r"[^\n\t]+"), "prose": (8192, r"(?s).+")}
REFUSED = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
STATEMENT = [("version", "u16"), ("ledger", "link"), ("event_id", "event id"), ("occurred", "time"), ("author", "public key"),
             ("behalf", "optional id"), ("tag", "u32")]
ATTACHMENT = [("blake3", "BLAKE3"), ("sha256", "SHA-256"), ("length", "u64"), ("media_type", "id"), ("name", "line")]
ENTRY = [("version", "u16"), ("sequence", "u64"), ("previous", "link"), ("thread", "u64"), ("recorded", "time"),
         ("statement", "bytes"), ("signature", "signature")]

# Words by set, rules that an exception may name, and by tag an event's name, roles, and fields with their types.
EVENTS_MD = os.environ.get("LEDGER_EVENTS", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/EVENTS.md"))
with open(EVENTS_MD, encoding="utf-8") as document:
    tables = document.read()
WORDS = {name: row.split(" · ") for name, row in re.findall(r"^\| (\*\w+\*) \| (.+) \|", tables, re.M)}
WORDS["yes or no"] = ["no", "yes"]
EXCUSABLE = set(re.findall(r"^\| (\w-\d\d) ", tables[tables.index("\n### Conformance"):], re.M))
EVENTS = {}
for part in tables.split("\n### `")[1:]:
    tag, roles = re.search(r"^Tag (\d+) .* said by (.+)$", part, re.M).groups()
    EVENTS[int(tag)] = part[:part.index("`")], roles.split(", "), re.findall(r"^\| `(\w+)` \| (.+?) \|", part, re.M)

class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        self.at += count
        need(self.at <= len(self.data), "a value leads past the end")
        return self.data[self.at - count:self.at]

    def value(self, kind):
        if kind in INTEGERS:
            return struct.unpack(INTEGERS[kind], self.take(struct.calcsize(INTEGERS[kind])))[0]
        if kind in FIXED or kind == "bytes":
            return self.take(FIXED[kind] if kind in FIXED else self.value("u64"))
        if kind.startswith("optional "):
            return self.value(kind[9:]) if self.value("yes or no") == "yes" else None
        if kind.startswith("list of "):
            return [self.value(kind[8:]) for _ in range(self.value("u64"))]
        if kind in WORDS:
            place = self.value("u8" if kind == "yes or no" else "u32")
            need(place < len(WORDS[kind]), f"{place} is no {kind}")
            return WORDS[kind][place]
        raw = self.value("bytes")
        text, (most, pattern) = raw.decode("utf-8", "replace"), TEXTS[kind]
        need(len(raw) <= most and text.encode() == raw and re.fullmatch(pattern, text) and not REFUSED.search(text)
             and text == text.strip(), f"a text is no {kind}")
        return text

    def fields(self, fields):
        return {name: self.value(kind) for name, kind in fields}

def read_entry(data):
    reader = Reader(data)
    entry = reader.fields(ENTRY)
    inner = Reader(entry["statement"])
    said = inner.fields(STATEMENT)
    need(entry["version"] == said["version"] == 1 and said["tag"] in EVENTS, "its version or its event is not known")
    said.update(inner.fields(EVENTS[said["tag"]][2]), event=EVENTS[said["tag"]][0])
    said["attachments"] = [inner.fields(ATTACHMENT) for _ in range(inner.value("u64"))]
    need(reader.at == len(data) <= 65535 and inner.at == len(inner.data), "bytes are left over, or too many")
    return entry, said

# --- The entries, one after the other
OPENING = {"secret.registered": "secret", "rotation.opened": "rotation", "rotation.recorded": "rotation",
           "incident.declared": "incident", "exception.granted": "exception"}

class Register:
    """What the entries so far amount to, as far as the next one is judged by it."""
    def __init__(self):
        self.links, self.leaves, self.event_ids, self.files, self.recorded, self.origin = [], [], set(), [], None, None
        self.actors, self.keys, self.seals = {}, set(), []  # active ones by id; all there were; places and sealing keys
        self.about, self.threads, self.expunged = {}, {}, set()  # what was opened, to its secret; secrets, to 1 + last entry

    def place(self, data):
        n, (entry, said) = len(self.links), read_entry(data)
        secret = said.get("secret") or self.about.get(("rotation", said.get("rotation"), None)) or self.about.get(
            ("incident", said.get("incident"), None))
        need(entry["sequence"] == n, f"its sequence is {entry['sequence']}")
        need(entry["previous"] == (self.links[-1] if n else bytes(32)), "previous is not the link of the entry before")
        need(signed_by(said["author"], b"ledger-stmt-v1\n" + blake3(entry["statement"]), entry["signature"]),
             "the author's signature does not hold")
        need(said["ledger"] == (self.links[0] if n else bytes(32)), "its statement was made for another ledger")
        need(said["event_id"] not in self.event_ids, "its event id was used before")
        need(n == 0 or entry["recorded"] >= self.recorded, "it was recorded before the entry before it")
        need((said["event"] == "ledger.created") == (n == 0), "entry 0 creates the ledger, and no other entry does")
        need("entry" not in said or said["link"] in self.links[said["entry"]:said["entry"] + 1], "it names another entry")
        need(entry["thread"] == self.threads.get(secret, 0), f"its subject_previous is {entry['thread']}")
        self.recorded = entry["recorded"]
        self.links.append(derived(b"entry link", data))
        self.leaves.append(sha256(b"\0" + data))
        self.event_ids.add(said["event_id"])
        self.files += [(n, file) for file in said["attachments"]]
        if self.may_be_said(said) and self.fits(said):
            self.take(n, said, secret, said["event"])

    def may_be_said(self, said):
        roles, key = EVENTS[said["tag"]][1], said["author"]
        if said["event"] == "ledger.created" or self.seals and key == self.seals[-1][1]:
            return key == said["key"] if said["event"] == "ledger.created" else "ledger" in roles
        author = next((actor for actor in self.actors.values() if actor["key"] == key), None)
        person = author and self.actors.get(said["behalf"] or author["actor"])
        return (person is not None and not set(roles).isdisjoint(author["roles"]) and person["kind"] == "human"
                and (author["kind"] == "service" or person is author))

    def fits(self, said):
        event, actor, key, roles = said["event"], said.get("actor"), said.get("key"), said.get("roles", ["security_owner"])
        owners = [name for name, other in self.actors.items() if "security_owner" in other["roles"] and name != actor]
        if ("possession" in said and (key in self.keys or not signed_by(key, b"ledger-enrol-v1\n" + key, said["possession"]))
                or event == "ledger.created" and (said["sealing_key"] == key or not admitted(said["sealing_key"]))
                or event in ("ledger.created", "actor.enrolled") and (
                    actor == "ledger" or actor in self.actors or not 0 < len(roles) == len(set(roles)) or "ledger" in roles
                    or said.get("kind") == "service" and "security_owner" in roles)
                or event == "actor.revoked" and not (actor in self.actors and owners)
                or event == "exception.granted" and not (
                    said["expires"] > said["occurred"] and said["rules"] and EXCUSABLE.issuperset(said["rules"]))):
            return False
        for kind in filter(said.get, ("secret", "rotation", "incident", "exception")):
            about = self.about.get(self.named(said, kind))
            if about is not None if kind == OPENING.get(event) else about is None or said.get("secret") not in (None, about):
                return False
        return True

    def named(self, said, kind):
        return kind, said[kind], said["secret"] if kind == "exception" else None

    def take(self, n, said, secret, event):
        self.origin = said.get("origin", self.origin)
        self.keys.update(said[field] for field in ("key", "sealing_key") if field in said)
        if event in ("ledger.created", "actor.enrolled"):
            self.actors[said["actor"]] = {"kind": "human", "roles": ["security_owner"], **said}
        if event in ("ledger.created", "sealing_key.replaced"):
            self.seals.append((n, said.get("sealing_key", said["key"])))
        if event == "actor.revoked":
            del self.actors[said["actor"]]
        if event == "evidence.expunged":
            self.expunged.add(said["attachment"])
        if event in OPENING:
            self.about[self.named(said, OPENING[event])] = secret
        if event == "secret.retired":
            self.about["secret", secret, None] = ""  # known for ever, and nothing fits it any more
        if secret:
            self.threads[secret] = n + 1

# --- The checkpoint
def read_checkpoint(data):
    """Origin, size, root, the signed text, and its signatures."""
    try:
        text, signatures = read_note(data)
        origin, size, root, *more = text.decode().split("\n")[:-1]
        need(origin and all(more) and re.fullmatch("0|[1-9][0-9]{0,19}", size) and int(size) < 1 << 64
             and len(from_base64(root)) == 32 and (int(size) or from_base64(root) == root_of([])), "checkpoint: not in its form")
    except ValueError as fault:
        raise Bad(f"checkpoint: {fault}", "-") from None
    return origin, int(size), from_base64(root), text, signatures

def check_checkpoint(data, register):
    origin, size, root, text, signatures = read_checkpoint(data)
    sealed = None
    for place, key in register.seals:
        key_id = sha256(origin.encode() + b"\n\1" + key)[:4]
        mine = [signature for name, known, signature in signatures if (name, known) == (origin, key_id)]
        sealed = place if mine and all(signed_by(key, text, signature) for signature in mine) else sealed
    need(origin == register.origin and sealed is not None, "checkpoint: not signed by a sealing key of this ledger")
    need(sealed == max((place for place, _ in register.seals if place < size), default=None),
         "checkpoint: sealed by a key that was not the ledger's then")
    need(size <= len(register.leaves), f"checkpoint: states {size} entries, and there are {len(register.leaves)}")
    need(root == root_of(register.leaves[:size]), "checkpoint: the entries give another root")

# --- The folder
MAGIC, SECTOR = b"RLf\1", 512
OTHERS = r"checkpoint|(.*/)?\.new-[^/]*|attachments/[0-9a-f]{2}/[0-9a-f]{62}|timestamps/[0-9]+-[0-9a-f]{16}\.(checkpoint|tsr)"
WRITERS = r"tail|lock|cosigned|ledger\.toml|index.*"

def frame_at(tail, at):
    """Sequence and entry of the whole frame there, or nothing."""
    fields = tail[at:at + 16]
    length, sequence = struct.unpack("<IQ", fields[4:]) if len(fields) == 16 and fields[:4] == MAGIC else (0, 0)
    entry = tail[at + 24:at + 24 + min(length, 65536)]
    whole = 0 < length == len(entry) < 65536 and derived(b"tail frame check", fields + entry)[:8] == tail[at + 16:at + 24]
    return (sequence, entry) if whole else None

def tail_entries(tail, base, at, covered):
    while (frame := frame_at(tail, at)) and frame[0] == base:
        yield frame[1]
        at, base = at + 24 + len(frame[1]), base + 1
    rest, here = tail[at:].rstrip(b"\0"), SECTOR - at % SECTOR
    torn = MAGIC.startswith(rest[:min(here, 4)]) or not any(rest[:here]) and len(rest) - rest.count(0) >= 16
    later = [frame_at(rest, found.start()) for found in re.finditer(re.escape(MAGIC), rest)]
    need(not rest or torn and covered <= base and all(frame is None or frame[0] < base for frame in later),
         f"what follows entry {base - 1} in the tail is neither an entry nor a write that was cut off")

def bundle_entries(read, n, width=256):
    path, at = tile_path("entries", n, width), 0
    data = read(path) or b""
    for _ in range(width):
        length = int.from_bytes(data[at:at + 2], "big")
        need(length and at + 2 + length <= len(data), f"{path} is missing or cut short")
        yield data[at + 2:at + 2 + length]
        at += 2 + length
    need(at == len(data), f"{path} goes on behind its last entry")

def verify(names, read):
    """The verdict on the files with these names, whose bytes `read` gives, or nothing where there is none."""
    register, tail, checkpoint = Register(), read("tail"), read("checkpoint") or b""
    try:
        covered = read_checkpoint(checkpoint)[1]
    except Bad:
        covered = 0
    if tail is None:
        need(any(name.startswith("tile/") for name in names) and not any(re.fullmatch(WRITERS, name) for name in names),
             "neither a ledger with its tail nor a published copy")
        base, width = covered - covered % 256, covered % 256
        rest = bundle_entries(read, base // 256, width) if width else ()
    else:
        base, carry = struct.unpack("<QI", tail[8:20].ljust(12, b"\xff"))
        need(tail[:8] == b"rl-tail\1" and carry <= 16384 and base % 256 == 0 and tail[20 + carry:28 + carry] == derived(
            b"tail header check", tail[:20 + carry])[:8], "the header of the tail is damaged")
        rest = tail_entries(tail, base, 28 + carry, covered)
    try:
        for entry in chain(chain.from_iterable(bundle_entries(read, n) for n in range(base // 256)), rest):
            register.place(entry)
    except Bad as bad:
        raise Bad(bad.args[0], len(register.links)) from None
    check_checkpoint(checkpoint, register)
    level, hashes = 0, register.leaves if tail is None else register.leaves[:base]
    while hashes:
        for at in range(0, len(hashes), 256):
            path, tile = tile_path(level, at // 256, len(hashes[at:at + 256])), b"".join(hashes[at:at + 256])
            if tail is None or len(tile) == 8192:
                need(read(path) == tile, f"{path} is missing or differs from the entries", at << 8 * level)
        level, hashes = level + 1, [root_of(hashes[at:at + 256]) for at in range(0, len(hashes) - 255, 256)]
    for sequence, file in register.files:
        path = re.sub("^(..)", r"attachments/\1/", file["blake3"].hex())
        if file["blake3"] not in register.expunged and (tail is not None or any(n.startswith("attachments/") for n in names)):
            need((data := read(path)) is not None and (blake3(data), sha256(data), len(data)) == (
                file["blake3"], file["sha256"], file["length"]), f"{path} is missing or differs", sequence)
    bundles = {tile_path("entries", n) for n in range(len(register.leaves) // 256)}
    known = bundles | {tile_path(l, n) for l in range(8) for n in range(len(register.leaves) >> 8 * l + 8)}
    for name in names:
        need(name in known or re.fullmatch(OTHERS + ("|tile/.*" if tail is None else f"|{WRITERS}"), name),
             f"nothing accounts for the file {name}")
    return f"PASS entries {len(register.leaves)} root {root_of(register.leaves).hex()}"

def verdict(names, read):
    try:
        return verify(names, read)
    except Bad as bad:
        return "FAIL {1} {0}".format(*bad.args)

def main(folder, flips=()):
    paths = [os.path.join(at, name) for at, folders, files in os.walk(folder) for name in files + folders]
    names = [os.path.relpath(path, folder) for path in paths if not os.path.isdir(path)]
    names += [os.path.relpath(path, folder) + " (a link)" for path in paths if os.path.islink(path)]
    kept = {}  # each file is read once, however many flips there are
    def read(name):
        if name not in kept and os.path.isfile(os.path.join(folder, name)):
            with open(os.path.join(folder, name), "rb") as file:
                kept[name] = file.read()
        return kept.get(name)
    for line in flips:
        name, offset, mask = line.split()
        whole, offset = read(name), int(offset)
        kept[name] = whole[:offset] + bytes([whole[offset] ^ int(mask)]) + whole[offset + 1:]
        print(verdict(names, read), flush=True)
        kept[name] = whole
    print(said := verdict(names, read))
    return int(not said.startswith("PASS"))

if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--flips":
        sys.exit(main(sys.argv[2], sys.stdin))
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else __doc__)

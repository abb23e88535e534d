"""A second verifier of a ledger's integrity, written from docs/FORMAT.md and sharing no code with the first.

`verify.py FOLDER` prints `PASS entries N root HEX` or `FAIL <first sequence, or -> <reason>`, and exits with 0 or 1. It
needs Python 3.8, blake3 and pynacl from PyPI, and the tables of docs/EVENTS.md. It judges that these bytes were signed,
linked and sealed, and nothing else: not who was entitled, nor whether who holds the keys wrote all of it anew.
"""
import base64, functools, itertools, re, struct, sys
from hashlib import sha256
from operator import itemgetter
from pathlib import Path
from blake3 import blake3
from nacl import exceptions, signing
from nacl.bindings import crypto_core_ed25519_is_valid_point as is_admitted

class Bad(Exception):
    """A reason, and the sequence of the entry that it is held against, or `-`."""

def need(holds, reason, sequence="-"):
    if not holds:
        raise Bad(reason, sequence)

# --- Hashes, keys and signatures
def derived(purpose, data):
    return blake3(data, derive_key_context=f"rotation-ledger 2026-11-23 {purpose} v1").digest()

@functools.lru_cache(100_000)
def signed_by(key, message, signature):
    """The strict rule. libsodium keeps to it: it refuses `s` beyond the group's order and `R` of small order, and
    multiplies nothing by the cofactor. Only a key with a torsion part it would verify by, so that is asked apart."""
    try:
        return is_admitted(key) and signing.VerifyKey(key).verify(message, signature) == message
    except exceptions.CryptoError:
        return False

def root_of(hashes):
    """The tree of RFC 6962, over leaves that are hashed already."""
    while len(hashes) > 1:
        pairs = [sha256(b"\1" + hashes[i] + hashes[i + 1]).digest() for i in range(0, len(hashes) - 1, 2)]
        hashes = pairs + hashes[len(pairs) * 2:]
    return hashes[0] if hashes else sha256(b"").digest()

# --- Values, statements and entries
SIZES = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "i32": 4, "time": 8, "event id": 16, "link": 32, "public key": 32,
         "SHA-256": 32, "BLAKE3": 32, "Merkle root": 32, "signature": 64}
TEXTS = {"id": (128, r"[A-Za-z0-9._:/@+=#~-]+"), "reference": (512, r"\S+"), "line": (1024, r"[^\n\t]+"),
         "prose": (8192, r"(?s).+")}
REFUSED = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
ENTRY = [("version", "u16"), ("sequence", "u64"), ("previous", "link"), ("thread", "u64"), ("recorded", "time"),
         ("statement", "bytes"), ("signature", "signature")]
STATEMENT = [("version", "u16"), ("ledger", "link"), ("event_id", "event id"), ("occurred", "time"),
             ("author", "public key"), ("behalf", "optional id"), ("tag", "u32")]
ATTACHMENT = [("blake3", "BLAKE3"), ("sha256", "SHA-256"), ("length", "u64"), ("media_type", "id"), ("name", "line")]

# Words by set, rules that an exception may name, and by tag an event's name, roles, and fields with their types.
DOCUMENT = (Path(__file__).resolve().parents[2] / "docs/EVENTS.md").read_text("utf-8")
WORDS = {name: row.split(" · ") for name, row in re.findall(r"^\| (\*\w+\*) \| (.+) \|", DOCUMENT, re.M)}
WORDS["yes or no"] = ["no", "yes"]
EXCUSABLE = set(re.findall(r"^\| (\w-\d\d) ", DOCUMENT[DOCUMENT.index("\n### Conformance"):], re.M))
EVENTS = {}
for part in DOCUMENT.split("\n### `")[1:]:
    tag, roles = re.search(r"^Tag (\d+) .* said by (.+)$", part, re.M).groups()
    fields = re.findall(r"^\| `(\w+)` \| (.+?) \|", part, re.M)
    EVENTS[int(tag)] = part[:part.index("`")], set(roles.split(", ")), fields

class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def value(self, kind):
        if kind.startswith("optional "):
            return self.value(kind[9:]) if self.value("yes or no") == "yes" else None
        if kind.startswith("list of "):
            return [self.value(kind[8:]) for _ in range(self.value("u64"))]
        if kind in WORDS:
            place = self.value("u8" if kind == "yes or no" else "u32")
            need(place < len(WORDS[kind]), f"{place} is no {kind}")
            return WORDS[kind][place]
        count = SIZES[kind] if kind in SIZES else self.value("u64")
        raw, self.at = self.data[self.at:self.at + count], self.at + count
        need(len(raw) == count, "a value leads past the end")
        if kind in SIZES and count <= 8:
            return int.from_bytes(raw, "little", signed=kind in ("i32", "time"))
        if kind in SIZES or kind == "bytes":
            return raw
        text, (most, pattern) = raw.decode("utf-8", "replace"), TEXTS[kind]
        need(count <= most and text.encode() == raw and re.fullmatch(pattern, text) and not REFUSED.search(text)
             and text == text.strip(), f"a text is no {kind}")
        return text

    def fields(self, fields):
        return {name: self.value(kind) for name, kind in fields}

@functools.lru_cache(10_000)
def read_entry(data):
    """The entry, and what is said in it. Whoever asks changes neither."""
    reader = Reader(data)
    entry = reader.fields(ENTRY)
    inner = Reader(entry["statement"])
    said = inner.fields(STATEMENT)
    need(entry["version"] == said["version"] == 1 and said["tag"] in EVENTS, "its version or its event is not known")
    said["event"], said["said by"], fields = EVENTS[said["tag"]]
    said.update(inner.fields(fields))
    said["attachments"] = [inner.fields(ATTACHMENT) for _ in range(inner.value("u64"))]
    need(reader.at == len(data) <= 65535 and inner.at == len(inner.data), "bytes are left over, or too many")
    return entry, said

# --- The entries, one after the other
RECOVERED = itemgetter("key", "kept_size", "kept_root")
OPENING = {"secret.registered": "secret", "rotation.opened": "rotation", "rotation.recorded": "rotation",
           "incident.declared": "incident"}

class Register:
    """What the entries so far amount to, as far as the next one is judged by it."""
    def __init__(self):
        self.links, self.leaves, self.event_ids, self.files = [], [], set(), []
        self.actors, self.keys, self.seals = {}, set(), []  # active ones by id; all there were; places of sealing keys
        self.about, self.threads = {}, {}  # what was opened, to its secret; a secret, to 1 + its last entry
        self.exceptions, self.expunged, self.recorded, self.origin = set(), set(), None, None
        self.strict, self.proposed = [], None  # since which entries two name a lost sealing key's heir; what one named

    def place(self, data):
        """Judges the next entry by those before. What it says counts for those behind it only if it is taken."""
        n, (entry, said) = len(self.links), read_entry(data)
        secret = said.get("secret") or self.about.get(("rotation", said.get("rotation"))) or self.about.get(
            ("incident", said.get("incident")))
        need(entry["sequence"] == n, f"its sequence is {entry['sequence']}")
        need(entry["previous"] == (self.links[-1] if n else bytes(32)), "previous is not the link of the entry before")
        need(signed_by(said["author"], b"ledger-stmt-v1\n" + blake3(entry["statement"]).digest(), entry["signature"]),
             "the author's signature does not hold")
        need(said["ledger"] == (self.links[0] if n else bytes(32)), "its statement was made for another ledger")
        need(said["event_id"] not in self.event_ids, "its event id was used before")
        need(n == 0 or entry["recorded"] >= self.recorded, "it was recorded before the entry before it")
        need((said["event"] == "ledger.created") == (n == 0), "entry 0 creates the ledger, and no other entry does")
        need("entry" not in said or said["link"] in self.links[said["entry"]:][:1], "it names no such entry")
        need(entry["thread"] == self.threads.get(secret, 0), f"its subject_previous is {entry['thread']}")
        if said["event"] == "sealing_key.recovered":
            _, size, root = RECOVERED(said)
            text = f"{self.origin}\n{size}\n{base64.b64encode(root).decode()}\n".encode()
            lost = self.last(self.seals, size) or bytes(32)
            need(signed_by(lost, text, said["kept_signature"]), "it builds on no checkpoint of the lost key")
            need(size <= n and root == root_of(self.leaves[:size]), "the entries do not continue its checkpoint")
        self.recorded = entry["recorded"]
        self.links.append(derived("entry link", data))
        self.leaves.append(sha256(b"\0" + data).digest())
        self.event_ids.add(said["event_id"])
        self.files += [(n, file) for file in said["attachments"]]
        if self.may_be_said(said) and self.fits(said, said["event"], *map(said.get, ("actor", "key", "possession"))):
            self.take(n, said, said["event"], secret)

    def last(self, since, size):
        """The newest value in what the first entries amount to."""
        return next((value for place, value in reversed(since) if place < size), None)

    def author(self, said):
        return next((actor for actor in self.actors.values() if actor["key"] == said["author"]), None)

    def may_be_said(self, said):
        if said["event"] == "ledger.created":
            return said["author"] == said["key"]
        if self.seals and said["author"] == self.seals[-1][1]:
            return "ledger" in said["said by"]
        author = self.author(said)
        person = author and self.actors.get(said["behalf"] or author["actor"])
        return (person is not None and person["kind"] == "human" and not said["said by"].isdisjoint(author["roles"])
                and (author["kind"] == "service" or person is author))

    def fits(self, said, event, actor, key, possession):
        if possession and (key in self.keys or not signed_by(key, b"ledger-enrol-v1\n" + key, possession)):
            return False
        if event == "ledger.created":
            return actor != "ledger" and said["sealing_key"] != key and is_admitted(said["sealing_key"])
        if event == "actor.enrolled":
            roles = set(said["roles"])
            return (actor != "ledger" and actor not in self.actors and 0 < len(roles) == len(said["roles"])
                    and "ledger" not in roles and not (said["kind"] == "service" and "security_owner" in roles))
        if event == "sealing_key.recovered":
            author = self.author(said)
            return author["since"] < said["kept_size"] and self.proposed != [author["actor"], *RECOVERED(said)]
        if event == "actor.revoked":
            others = [other["roles"] for name, other in self.actors.items() if name != actor]
            return actor in self.actors and any("security_owner" in roles for roles in others)
        if event == "exception.granted" and ((said["secret"], said["exception"]) in self.exceptions or not (
                said["expires"] > said["occurred"] and said["rules"] and EXCUSABLE.issuperset(said["rules"]))):
            return False
        if event == "scan.exception" and said["expires"] <= said["occurred"]:
            return False
        for kind in filter(said.get, ("secret", "rotation", "incident")):
            known, opens = self.about.get((kind, said[kind])), OPENING.get(event) == kind
            if opens == (known is not None) or not opens and said.get("secret") not in (None, known):
                return False
        return True

    def take(self, n, said, event, secret):
        if event in ("ledger.created", "actor.enrolled"):
            self.actors[said["actor"]] = {"kind": "human", "roles": ["security_owner"], **said, "since": n}
        waits = False  # for the word of another one
        if event == "sealing_key.recovered":
            waits = self.last(self.strict, said["kept_size"]) and (self.proposed or [])[1:] != [*RECOVERED(said)]
            self.proposed = [self.author(said)["actor"], *RECOVERED(said)] if waits else None
        self.strict += [(n, said["four_eyes"] == "strict")] if "four_eyes" in said else []
        if event in ("ledger.created", "sealing_key.replaced", "sealing_key.recovered") and not waits:
            self.seals.append((n, said.get("sealing_key", said["key"])))
        self.keys.update(said[field] for field in ("key", "sealing_key") if field in said and not waits)
        self.actors.pop(said["actor"] if event == "actor.revoked" else None, None)
        self.origin = said.get("origin", self.origin)
        self.expunged.add(said.get("attachment"))
        self.exceptions.add((secret, said.get("exception")))
        self.about.update({(OPENING[event], said[OPENING[event]]): secret} if event in OPENING else {})
        if event == "secret.retired":
            self.about["secret", secret] = ""  # known for ever, and no entry fits it any more
        self.threads.update({secret: n + 1} if secret else {})

# --- The checkpoint, a signed note of C2SP
CHECKPOINT = re.compile(r"((.+)\n(0|[1-9][0-9]{0,19})\n(.+)\n(?:.+\n)*)\n((?:— [^\s+]+ \S+\n){1,100})")

def from_base64(text):
    data = base64.b64decode(text, validate=True)
    need(base64.b64encode(data).decode() == text and len(data) > 4, "checkpoint: base64 in another form, or cut short")
    return data

def check_checkpoint(data, register):
    try:
        note = CHECKPOINT.fullmatch(data.decode())
        need(note and len(data) <= 1 << 20 and not re.search(b"[\0-\x09\x0b-\x1f]", data), "checkpoint: no signed note")
        text, origin, size, root, lines = note.groups()
        size, root = int(size), from_base64(root)
        signatures = [(name, from_base64(rest)) for name, rest in re.findall("— (.+) (.+)", lines)]
    except ValueError as fault:
        raise Bad(f"checkpoint: {fault}", "-") from None
    need(size <= len(register.leaves), f"checkpoint: states {size} entries", len(register.leaves))
    sealed = None
    for place, key in register.seals:
        key_id = sha256(origin.encode() + b"\n\1" + key).digest()[:4]
        mine = [rest[4:] for name, rest in signatures if name == origin and rest[:4] == key_id]
        sealed = place if mine and all(signed_by(key, text.encode(), signature) for signature in mine) else sealed
    then = max((place for place, _ in register.seals if place < size), default=None)
    need(origin == register.origin and sealed == then is not None, "checkpoint: not by the sealing key of then")
    need(root == root_of(register.leaves[:size]), "checkpoint: the entries give another root")

# --- The folder
MAGIC, SECTOR = b"RLf\1", 512
KNOWN = (r"checkpoint|tail|lock|archived|cosigned|ledger\.toml|index.*|(.*/)?\.new-[^/]*"
         r"|attachments/[0-9a-f]{2}/[0-9a-f]{62}"
         r"|timestamps/[0-9]+-[0-9a-f]{16}\.(checkpoint|tsr)|(.*/)?(\.DS_Store|Thumbs\.db|desktop\.ini|@eaDir"
         r"|lost\+found|__MACOSX|index\.html|\.nfs[^/]*|\._[^/]*|\.#[^/]*|[^/]*~|\.[^/]*\.sw[pox]|#[^/]*#)(/.*)?")

def tile_path(kind, n):
    groups = re.findall("...", str(n).zfill(-(-len(str(n)) // 3) * 3))
    return "/".join(["tile", str(kind)] + ["x" + group for group in groups[:-1]] + groups[-1:])

def frame_at(tail, at):
    """Sequence and entry of the whole frame there, or nothing."""
    magic, length, sequence, check = struct.unpack("<4sIQ8s", tail[at:at + 24].ljust(24, b"\0"))
    entry = tail[at + 24:at + 24 + length]
    whole = magic == MAGIC and 0 < length == len(entry) < 65536 and derived(
        "tail frame check", tail[at:at + 16] + entry)[:8] == check
    return (sequence, entry) if whole else None

def bundle_entries(files, path):
    data, ends = read(files, path), [0]
    while ends[-1] < len(data):
        ends.append(ends[-1] + 2 + int.from_bytes(data[ends[-1]:ends[-1] + 2], "big"))
    entries = [data[at + 2:end] for at, end in zip(ends, ends[1:])]
    need(len(entries) == 256 and all(entries) and ends[-1] == len(data), f"{path} is missing or damaged")
    return entries

def tail_entries(tail, base, at):
    while (frame := frame_at(tail, at)) and frame[0] == base:
        yield frame[1]
        at, base = at + 24 + len(frame[1]), base + 1
    rest, here = tail[at:].rstrip(b"\0"), SECTOR - at % SECTOR
    torn = MAGIC.startswith(rest[:min(here, 4)]) or not any(rest[:here]) and len(rest) - rest.count(0) >= 16
    later = [frame_at(rest, found.start()) for found in re.finditer(re.escape(MAGIC), rest)]
    need(not rest or torn and all(frame is None or frame[0] < base for frame in later),
         f"what follows entry {base - 1} in the tail is neither an entry nor a write that was cut off")

def files_in(folder):
    found = {path: path.is_file() and not path.is_symlink() for path in Path(folder).rglob("*")}
    return {path.relative_to(folder).as_posix() + " (no file)" * (not is_file): path
            for path, is_file in found.items() if is_file or path.is_symlink() or not path.is_dir()}

def read(files, name):
    return files[name].read_bytes() if name in files else b""

def verify(files):
    """The verdict on these files by their names; what has a name has `read_bytes`."""
    register, tail = Register(), read(files, "tail")
    base, carry = struct.unpack("<QI", tail[8:20].ljust(12, b"\xff"))
    need(tail[:8] == b"rl-tail\1" and carry <= 16384 and base % 256 == 0 and tail[20 + carry:28 + carry] == derived(
        "tail header check", tail[:20 + carry])[:8], "the header of the tail is damaged, or there is no tail",
        256 * sum(name.startswith("tile/entries/") for name in files))
    bundles = itertools.chain.from_iterable(bundle_entries(files, tile_path("entries", n)) for n in range(base // 256))
    try:
        for entry in itertools.chain(bundles, tail_entries(tail, base, 28 + carry)):
            register.place(entry)
    except Bad as bad:
        raise Bad(bad.args[0], len(register.links)) from None
    check_checkpoint(read(files, "checkpoint"), register)
    known = {tile_path("entries", n) for n in range(len(register.leaves) // 256)}
    level, hashes = 0, register.leaves
    while groups := [hashes[at:at + 256] for at in range(0, len(hashes) - 255, 256)]:
        for n, group in enumerate(groups):
            path, span = tile_path(level, n), 256 << 8 * level
            need(n >= base // span or read(files, path) == b"".join(group), f"{path} is not of these entries", n * span)
            known.add(path)
        level, hashes = level + 1, [root_of(group) for group in groups]
    for sequence, file in register.files:
        path = re.sub("^(..)", r"attachments/\1/", file["blake3"].hex())
        data = read(files, path)
        same = path in files and [blake3(data).digest(), sha256(data).digest(), len(data)] == [*file.values()][:3]
        need(same or file["blake3"] in register.expunged, f"{path} is missing or differs", sequence)
    for name in files:
        need(name in known or re.fullmatch(KNOWN, name), f"nothing accounts for the file {name}")
    return f"PASS entries {len(register.leaves)} root {root_of(register.leaves).hex()}"

def verdict(files):
    try:
        return verify(files)
    except Bad as bad:
        return "FAIL {1} {0}".format(*bad.args)

if __name__ == "__main__":
    print(said := verdict(files_in(sys.argv[1] if len(sys.argv) == 2 else sys.exit(__doc__))))
    sys.exit(not said.startswith("PASS"))

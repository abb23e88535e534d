"""What verify.py takes from the specifications of others: BLAKE3 and Ed25519, which Python's standard library lacks, the
tree of RFC 6962, and C2SP's signed notes and paths of tiles. Written to be read; any other implementation can stand in
for any of it, as long as it is as strict.
"""
import base64, hashlib, re, struct
from functools import lru_cache

def sha256(data):
    return hashlib.sha256(data).digest()

# --- BLAKE3 (https://github.com/BLAKE3-team/BLAKE3-specs, section 2), 32 bytes of output
IV = struct.pack("<8I", 0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
MESSAGE_ORDER = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
COLUMNS = [(i, i + 4, i + 8, i + 12) for i in range(4)]
DIAGONALS = [(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4) for i in range(4)]
START, END, PARENT, ROOT, DERIVE_CONTEXT, DERIVE_MATERIAL, WORD = 1, 2, 4, 8, 32, 64, 0xFFFFFFFF

def compress(key, block, counter, flags):
    m = struct.unpack("<16I", block.ljust(64, b"\0"))
    v = [*struct.unpack("<8I", key), *struct.unpack("<4I", IV[:16]), counter & WORD, counter >> 32, len(block), flags]
    for _ in range(7):
        for i, (a, b, c, d) in enumerate(COLUMNS + DIAGONALS):
            for word, right, turn in ((m[2 * i], 16, 12), (m[2 * i + 1], 8, 7)):
                v[a] = v[a] + v[b] + word & WORD
                v[d] = ((v[d] ^ v[a]) >> right | (v[d] ^ v[a]) << 32 - right) & WORD
                v[c] = v[c] + v[d] & WORD
                v[b] = ((v[b] ^ v[c]) >> turn | (v[b] ^ v[c]) << 32 - turn) & WORD
        m = [m[i] for i in MESSAGE_ORDER]
    return struct.pack("<8I", *(v[i] ^ v[i + 8] for i in range(8)))

def subtree(data, key, mode, chunk=0, top=ROOT):
    if len(data) > 1024:
        left = 1 << ((len(data) - 1) // 1024).bit_length() - 1  # chunks: the largest power of two that leaves some
        halves = (subtree(data[:left * 1024], key, mode, chunk, 0), subtree(data[left * 1024:], key, mode, chunk + left, 0))
        return compress(key, b"".join(halves), 0, mode | PARENT | top)
    value = key
    for at in range(0, max(len(data), 1), 64):
        flags = mode | START * (at == 0) | (END | top) * (at + 64 >= len(data))
        value = compress(value, data[at:at + 64], chunk, flags)
    return value

@lru_cache(100_000)
def blake3(data, context=None):
    if context is None:
        return subtree(data, IV, 0)
    return subtree(data, subtree(context, IV, DERIVE_CONTEXT), DERIVE_MATERIAL)

# --- Ed25519 (RFC 8032, section 5.1) by the strict rule of FORMAT.md
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P

def add(p, q):
    a, b, c, d = (p[1] - p[0]) * (q[1] - q[0]), (p[1] + p[0]) * (q[1] + q[0]), 2 * p[3] * q[3] * D, 2 * p[2] * q[2]
    e, f, g, h = (b - a) % P, (d - c) % P, (d + c) % P, (b + a) % P
    return e * f % P, g * h % P, f * g % P, e * h % P

def multiply(*pairs):
    """The sum over the pairs of number times point."""
    total = (0, 1, 1, 0)
    for bit in reversed(range(max(number.bit_length() for number, _ in pairs))):
        total = add(total, total)
        for number, point in pairs:
            total = add(total, point) if number >> bit & 1 else total
    return total

def is_neutral(p):
    return p[0] == 0 and p[1] == p[2]

def point_of(data):
    """The point of which these bytes are the canonical encoding, or nothing."""
    y, odd = int.from_bytes(data, "little") & 2**255 - 1, data[31] >> 7
    u, v = y * y - 1, D * y * y + 1
    x = u * v**3 * pow(u * v**7, (P - 5) // 8, P) % P
    x = x if (v * x * x - u) % P == 0 else x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (v * x * x - u) % P or (x == 0 and odd):
        return None
    x = x if x & 1 == odd else P - x
    return x, y, 1, x * y % P

BASE = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))

@lru_cache(10_000)
def admitted(key):
    """The point of a public key, if it is of the prime order."""
    point = point_of(key)
    return point if point and not is_neutral(point) and is_neutral(multiply((L, point))) else None

@lru_cache(100_000)
def signed_by(key, message, signature):
    point, s = admitted(key), int.from_bytes(signature[32:], "little")
    if point is None or s >= L or len(signature) != 64:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    r = multiply((s, BASE), (L - h, point))
    x, y = (coordinate * pow(r[2], P - 2, P) % P for coordinate in r[:2])
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32] and not is_neutral(multiply((8, r)))

# --- The tree of RFC 6962 (section 2.1), over leaves that are hashed already; and where tlog-tiles keeps its tiles
def root_of(hashes):
    while len(hashes) > 1:
        pairs = [sha256(b"\1" + hashes[i] + hashes[i + 1]) for i in range(0, len(hashes) - 1, 2)]
        hashes = pairs + hashes[len(pairs) * 2:]
    return hashes[0] if hashes else sha256(b"")

def tile_path(kind, n, width=256):
    groups = re.findall("...", str(n).zfill(len(str(n)) + -len(str(n)) % 3))
    path = "/".join(["x" + group for group in groups[:-1]] + groups[-1:])
    return f"tile/{kind}/{path}" + (f".p/{width}" if width < 256 else "")

# --- Signed notes (https://c2sp.org/signed-note)
def from_base64(text):
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("base64 in another form")
    return data

def read_note(data):
    """The signed text, and the signatures as name, key id and signature. ValueError where it is no note."""
    text, _, lines = data.decode().rpartition("\n\n")
    matches = [re.fullmatch(r"— ([^\s+]+) (\S+)", line) for line in lines.split("\n")[:-1]]
    if (not text or not lines.endswith("\n") or not all(matches) or not 0 < len(matches) <= 100 or len(data) > 1 << 20
            or re.search(r"[\0-\x09\x0b-\x1f]", data.decode())):
        raise ValueError("not a signed note")
    signatures = [(match[1], from_base64(match[2])) for match in matches]
    if not all(len(rest) > 4 for _, rest in signatures):
        raise ValueError("a signature line holds no signature")
    return text.encode() + b"\n", [(name, rest[:4], rest[4:]) for name, rest in signatures]

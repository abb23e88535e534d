"""Answers questions about ledgers with tests/by-hand/verify.py, one a line, so that Python starts once for many.

    folder PATH                    the verdict on a ledger
    flip NAME OFFSET MASK          that on the same with one byte of one file changed (xor)
    entry HEX                      `taken` or `refused`: whether these bytes are an entry
    signed KEY MESSAGE SIGNATURE   `holds` or `fails`, of hex
    path KIND N                    where a bundle (`entries`) or a tile of a level is
    pack PATH KEY VKEY             the verdict of verify_pack.py on a pack
    zip PATH                       `taken` or `refused`: whether it is a zip as a pack is one
"""
import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "by-hand"))
import verify
import verify_pack

class Kept:
    """A file that is read once, however many questions there are."""
    def __init__(self, data):
        self.data = data

    def read_bytes(self):
        return self.data

def flipped(files, name, at, mask):
    whole = files[name].read_bytes()
    return {**files, name: Kept(b"".join((whole[:at], bytes([whole[at] ^ mask]), whole[at + 1:])))}

def takes(read, data):
    try:
        read(data)
        return "taken"
    except verify_pack.FAULTS:
        return "refused"

files = {}
for line in sys.stdin:
    question, _, rest = line.rstrip("\n").partition(" ")
    if question == "folder":
        files = verify.files_in(rest)
        said = verify.verdict(files)
        files = {name: Kept(path.read_bytes()) for name, path in files.items() if path.is_file()}
    elif question == "flip":
        name, at, mask = rest.split(" ")
        said = verify.verdict(flipped(files, name, int(at), int(mask)))
    elif question == "entry":
        said = takes(verify.read_entry, bytes.fromhex(rest))
    elif question == "signed":
        said = "holds" if verify.signed_by(*map(bytes.fromhex, rest.split(" "))) else "fails"
    elif question == "pack":
        path, key, vkey = rest.split(" ")
        said = verify_pack.verdict(Path(path), bytes.fromhex(key), vkey)
    elif question == "zip":
        said = takes(verify_pack.read_zip, Path(rest).read_bytes())
    elif question == "path":
        said = verify.tile_path(*rest.split(" "))
    else:
        sys.exit(f"no such question: {line}")
    print(said, flush=True)

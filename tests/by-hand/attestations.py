"""Checks in-toto Statements in DSSE envelopes with securesystemslib, which shares no code with the ledger.

    attestations.py BUNDLE KEY ENTRIES    an envelope a line; the pack key in hex; the folder of a pack's entries

Prints what each statement is about. Every envelope must be signed by the key and by no other, and every entry that it names
must be in the folder under its digest; a changed byte must not pass.
"""
import base64, copy, hashlib, json, pathlib, sys

from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey


def key_of(text):
    return SSlibKey(text, "ed25519", "ed25519", {"public": text})


def holds(envelope, key):
    try:
        # It takes apart what it is given.
        Envelope.from_dict(copy.deepcopy(envelope)).verify([key], 1)
        return True
    except VerificationError:
        return False


def main(bundle, key, entries):
    known = {hashlib.sha256(path.read_bytes()).hexdigest() for path in pathlib.Path(entries).iterdir()}
    lines = pathlib.Path(bundle).read_text().splitlines()
    assert lines, "no envelope"
    for line in lines:
        envelope = json.loads(line)
        assert envelope["payloadType"] == "application/vnd.in-toto+json", envelope["payloadType"]
        assert holds(envelope, key_of(key)), "the signature does not hold"
        payload = base64.b64decode(envelope["payload"], validate=True)
        statement = json.loads(payload)
        assert statement["_type"] == "https://in-toto.io/Statement/v1", statement["_type"]
        subjects = [subject["digest"]["sha256"] for subject in statement["subject"]]
        assert subjects and known.issuperset(subjects), "an entry that the pack does not have"
        for at in range(len(payload)):
            changed = payload[:at] + bytes([payload[at] ^ 1]) + payload[at + 1:]
            bent = dict(envelope, payload=base64.b64encode(changed).decode())
            assert not holds(bent, key_of(key)), f"byte {at} can be changed"
        rotation = statement["predicate"]["rotation"]
        print(f"{rotation['rotation']}: {rotation['state']}, {len(subjects)} entries")
    other = key[:-2] + ("00" if key[-2:] != "00" else "01")
    renamed = json.loads(lines[0])
    renamed["signatures"][0]["keyid"] = other
    assert not holds(renamed, key_of(other)), "another key passes"


main(*sys.argv[1:])

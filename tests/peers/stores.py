"""The peers: how each is set up, filled, verified and weighed. Those that live in a process are in `src`; programs are here.

A peer has `fill(to)`, seconds for appending up to that many records, many at once where it can; `one(count)`, seconds of
each of so many durable appends, or nothing; `verify()`, seconds an entry; and `weigh()`, bytes on the disk.
"""

import base64
import glob
import json
import os
import pathlib
import shutil
import subprocess
import time


class Missing(Exception):
    """Why a peer cannot be measured here."""


def run(*command, **options):
    """Runs a program to its end; what it said on its standard output."""
    options.setdefault("stdout", subprocess.PIPE)
    done = subprocess.run([str(word) for word in command], stderr=subprocess.PIPE, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: {done.stderr.strip()[-300:]}")
    return done.stdout


def timed(*command, **options):
    begun = time.monotonic()
    run(*command, **options)
    return time.monotonic() - begun


def needs(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Missing(f"{program} is not installed")


def on_disk(folder):
    """What its files take, as the file system counts."""
    return sum(path.lstat().st_blocks * 512 for path in pathlib.Path(folder).rglob("*"))


def ended(process):
    process.kill()
    process.wait()


class InProcess:
    """A peer that `src` holds open in a process of its own."""

    singles = 100

    def __init__(self, kind, folder, tools, *arguments):
        self.folder, self.length = folder, 0
        command = [str(word) for word in (tools.peers, kind, *(arguments or [folder]))]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        tools.at_end.callback(ended, self.process)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError(f"{kind} did not open")

    def ask(self, order):
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"ended at `{order}`")
        return answer.split()

    def fill(self, to):
        seconds = float(self.ask(f"fill {to}")[0])
        self.length = to
        return seconds

    def one(self, count):
        self.length += count
        return [float(seconds) for seconds in self.ask(f"one {count}")]

    def verify(self):
        seconds, checked = self.ask("verify")
        assert int(checked) == self.length, f"{checked} of {self.length} checked"
        return float(seconds) / self.length

    def weigh(self):
        known = self.ask("settle")
        return int(known[0]) if known else on_disk(self.folder)


class Postgres(InProcess):
    """A cluster of its own on a socket, by whatever PostgreSQL is installed."""

    def __init__(self, folder, tools):
        programs = sorted(glob.glob("/usr/lib/postgresql/*/bin")) or [os.path.dirname(shutil.which("initdb") or "")]
        if not programs[-1]:
            raise Missing("postgresql is not installed")
        # It refuses to run as root.
        self.user = []
        if os.getuid() == 0:
            shutil.chown(folder, "postgres")
            self.user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "env", "-C", folder]
        self.bin, self.data = pathlib.Path(programs[-1]), folder / "data"
        run(*self.user, self.bin / "initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "--no-sync")
        self.control("-w", "-l", folder / "log", "-o", f"-k {folder} -h ''", "start")
        tools.at_end.callback(self.control, "-m", "fast", "stop")
        super().__init__("postgres", folder, tools)

    def control(self, *words):
        # Its output would be the server's too, which stays.
        run(*self.user, self.bin / "pg_ctl", "-D", self.data, *words, stdout=subprocess.DEVNULL)


class Git:
    """Empty commits, each signed with an ssh-ed25519 key, everything synced. It has no batches."""

    singles = 20
    checked = 200

    def __init__(self, folder, tools):
        needs("git", "ssh-keygen")
        self.folder, self.tools, self.length = folder, tools, 0
        key = folder / "key"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
        (folder / "signers").write_text(f"olga@example.com {key.with_suffix('.pub').read_text()}")
        run("git", "init", "-q", "--template=", folder / "repository")
        settings = {
            "user.name": "olga", "user.email": "olga@example.com", "commit.gpgsign": "true", "gpg.format": "ssh",
            "user.signingkey": key, "gpg.ssh.allowedSignersFile": folder / "signers", "core.fsync": "all", "gc.auto": 0,
        }  # fmt: skip
        for name, value in settings.items():
            self.git("config", name, value)

    def git(self, *words, call=run):
        return call("git", "-C", self.folder / "repository", *words)

    def one(self, count):
        texts = self.tools.texts(self.length, self.length + count)
        self.length += count
        return [self.git("commit", "-q", "--allow-empty", "-m", text, call=timed) for text in texts]

    def fill(self, to):
        return sum(self.one(to - self.length))

    def verify(self):
        """All objects and links; signatures of the newest ones, since each takes a process."""
        some = self.git("rev-list", f"--max-count={self.checked}", "HEAD").split()
        signatures = self.git("verify-commit", *some, call=timed) / len(some)
        return self.git("fsck", "--full", "--strict", call=timed) / self.length + signatures

    def weigh(self):
        self.git("gc", "-q")
        return on_disk(self.folder / "repository")


class Journal:
    """A sealed journal, written by systemd-journal-remote in a mount namespace of its own: the machine's is left alone."""

    singles = 0
    remote = "/usr/lib/systemd/systemd-journal-remote"
    boot = "0123456789abcdef0123456789abcdef"

    def __init__(self, folder, tools):
        needs("journalctl", "unshare")
        if not os.path.exists(self.remote):
            raise Missing("systemd-journal-remote is not installed")
        if os.getuid() != 0:
            raise Missing("sealing takes root")
        self.folder, self.tools, self.length = folder, tools, 0
        machine = pathlib.Path("/etc/machine-id").read_text().strip()
        (folder / "log" / "journal" / machine).mkdir(parents=True)
        # A seal a second; what was sealed can be changed by nobody who comes later.
        self.key = self.beside("journalctl", "--setup-keys", "--interval=1s").strip()

    def beside(self, *command, call=run):
        return call("unshare", "--mount", "sh", "-c", f'mount --bind {self.folder}/log /var/log && exec "$@"', "-", *command)

    def fill(self, to):
        with open(self.folder / "export", "w") as export:
            for text in self.tools.texts(self.length, to):
                now = time.time_ns() // 1000
                stamps = f"__REALTIME_TIMESTAMP={now}\n__MONOTONIC_TIMESTAMP={now}\n_BOOT_ID={self.boot}"
                export.write(f"{stamps}\nMESSAGE={text}\n\n")
        self.length = to
        file = self.folder / "sealed.journal"
        return self.beside(self.remote, "--seal=yes", "--split-mode=none", f"--output={file}", export.name, call=timed)

    def verify(self):
        files = [f"--file={file}" for file in self.folder.glob("*.journal")]
        return self.beside("journalctl", "--verify", f"--verify-key={self.key}", *files, call=timed) / self.length

    def weigh(self):
        return sum(file.stat().st_blocks * 512 for file in self.folder.glob("*.journal"))


class Ours:
    """A ledger with an operator who says what another system saw, and `ledger append` as a process."""

    singles = 20

    def __init__(self, folder, tools):
        self.folder, self.tools, self.length = folder, tools, 0
        sam, self.key = folder / "sam.pem", folder / "olga.pem"
        self.ledger("key", "generate", "--out", sam)
        # PKCS #8 around the seed that `src/record.rs` signs with.
        der = bytes.fromhex("302e020100300506032b657004220420") + bytes([7] * 32)
        self.key.touch(0o600)
        self.key.write_text(f"-----BEGIN PRIVATE KEY-----\n{base64.b64encode(der).decode()}\n-----END PRIVATE KEY-----\n")
        (folder / "olga.pub").write_text(self.ledger("key", "show", "--key", self.key))
        founded = self.ledger("init", "--origin", "ledger.example/peers", "--actor", "sam", "--name", "Sam", "--key", sam, "--json")
        self.id = json.loads(founded)["ledger_id"]
        person = ["--actor", "olga", "--name", "Olga", "--kind", "human", "--role", "operator", "--public", folder / "olga.pub"]
        self.ledger("actor", "enroll", "--key", sam, *person)

    def ledger(self, *words, call=run, **options):
        place = ["--ledger", self.folder / "ledger", "--state", self.folder / "state"]
        return call(self.tools.ledger, *place, *words, **options)

    def drafts(self, to):
        for number, text in enumerate(self.tools.texts(self.length, to), self.length):
            yield {"source": "vault", "record": f"{number:010}", "record_sha256": self.tools.sha256(text), "observed": text}
        self.length = to

    def one(self, count):
        def words(draft):
            return [word for name, value in draft.items() for word in (f"--{name.replace('_', '-')}", value)]

        drafts = self.drafts(self.length + count)
        return [self.ledger("append", "source.observed", "--key", self.key, *words(draft), call=timed) for draft in drafts]

    def fill(self, to):
        with open(self.folder / "drafts", "w") as lines:
            for draft in self.drafts(to):
                lines.write(json.dumps({"event": "source.observed"} | draft) + "\n")
        return self.ledger("append", "--key", self.key, "--json", lines.name, call=timed, stdout=subprocess.DEVNULL)

    def verify(self):
        return self.ledger("verify", call=timed) / self.length

    def weigh(self):
        return on_disk(self.folder / "ledger") + on_disk(self.folder / "state")


class Served(InProcess):
    """The same by `ledger serve`: one client, or 64 at once that share commits."""

    def __init__(self, folder, tools):
        self.file = Ours(folder, tools)
        socket = folder / "socket"
        command = [tools.ledger, "--ledger", folder / "ledger", "--state", folder / "state", "--quiet", "serve", "--rate", "0"]
        with open(folder / "log", "w") as log:
            server = [str(word) for word in (*command, "--listen", f"unix:{socket}")]
            self.server = subprocess.Popen(server, stdout=subprocess.PIPE, stderr=log, text=True)
        tools.at_end.callback(ended, self.server)
        if not self.server.stdout.readline().startswith("listening on "):
            raise RuntimeError((folder / "log").read_text())
        super().__init__("serve", folder, tools, socket, self.file.id)

    def verify(self):
        self.file.length = self.length
        return self.file.verify()

    def weigh(self):
        return self.file.weigh()

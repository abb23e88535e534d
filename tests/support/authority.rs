//! A time-stamping authority of this machine: `openssl ts`, asked by way of files or over loopback.

use std::fs;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

pub const RSA: &[&str] = &["rsa:2048"];
pub const P384: &[&str] = &["ec", "-pkeyopt", "ec_paramgen_curve:P-384"];
pub const P256: &[&str] = &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"];

/// A certification authority and a time-stamping authority below it.
pub struct Authority {
    folder: tempfile::TempDir,
}

impl Authority {
    /// Whether there is an openssl to ask.
    pub fn has_openssl() -> bool {
        let found = Command::new("openssl").arg("version").output();
        if !found.is_ok_and(|output| output.status.success()) {
            let demanded = std::env::var_os("LEDGER_TEST_OPENSSL").is_some_and(|set| set == "1");
            assert!(!demanded, "openssl is not installed");
            eprintln!("openssl is not installed: nothing was tested");
            return false;
        }
        true
    }

    /// Nothing where there is no openssl.
    pub fn new(key: &[&str]) -> Option<Self> {
        if !Self::has_openssl() {
            return None;
        }
        let authority = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        authority.write("ts.cnf", CONFIG);
        authority.write("serial", "01\n");
        authority.write("leaf.ext", "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n");
        let newkey = [&["-newkey"], key, &["-nodes"]].concat();
        let root = [
            "req",
            "-x509",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
            "-days",
            "2",
            "-subj",
            "/CN=Test root",
        ];
        authority.openssl(&[root.as_slice(), &newkey].concat());
        let leaf = [
            "req",
            "-new",
            "-keyout",
            "tsa.key",
            "-out",
            "tsa.csr",
            "-subj",
            "/CN=Test time",
        ];
        authority.openssl(&[leaf.as_slice(), &newkey].concat());
        authority.openssl(&[
            "x509",
            "-req",
            "-in",
            "tsa.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "1",
            "-extfile",
            "leaf.ext",
            "-out",
            "tsa.pem",
        ]);
        Some(authority)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub fn openssl(&self, words: &[&str]) -> Output {
        let output = Command::new("openssl")
            .args(words)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        output
    }

    /// What the authority answers to a request.
    pub fn answer(&self, request: &[u8]) -> Vec<u8> {
        self.answer_as("tsa", request)
    }

    pub fn answer_as(&self, section: &str, request: &[u8]) -> Vec<u8> {
        fs::write(self.path("q.tsq"), request).unwrap();
        // A refusal is an answer, whatever openssl thinks of it.
        let _ = Command::new("openssl")
            .args(["ts", "-reply", "-config", "ts.cnf", "-section", section])
            .args(["-queryfile", "q.tsq", "-out", "r.tsr"])
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let answer = fs::read(self.path("r.tsr")).unwrap();
        fs::remove_file(self.path("r.tsr")).unwrap();
        answer
    }

    /// Signs with this digest from now on.
    pub fn signing_with(&self, digest: &str) {
        let line = format!("signer_digest = {digest}");
        self.write("ts.cnf", &CONFIG.replace("signer_digest = sha256", &line));
    }

    /// A request that openssl makes over a file.
    pub fn request_over(&self, file: &Path) -> Vec<u8> {
        let file = file.display().to_string();
        self.openssl(&[
            "ts",
            "-query",
            "-data",
            &file,
            "-sha256",
            "-cert",
            "-out",
            "other.tsq",
        ]);
        fs::read(self.path("other.tsq")).unwrap()
    }
}

const CONFIG: &str = "
[tsa]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
certs = ca.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1, millisecs:500
clock_precision_digits = 3
tsa_name = yes

[picky]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha512
";

/// Answers `count` requests over HTTP as an authority does, and then stops.
pub fn serve(
    authority: Authority,
    answers: Vec<(&'static str, bool)>,
) -> (String, std::thread::JoinHandle<Authority>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/tsa", listener.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        for (head, with_token) in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut length, mut kind) = (0, String::new());
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let line = line.trim().to_lowercase();
                if let Some(value) = line.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if let Some(value) = line.strip_prefix("content-type:") {
                    kind = value.trim().to_owned();
                }
                if line.is_empty() {
                    break;
                }
            }
            let mut request = vec![0; length];
            reader.read_exact(&mut request).unwrap();
            assert_eq!(kind, "application/timestamp-query");
            let body = if with_token {
                authority.answer(&request)
            } else {
                b"sorry".to_vec()
            };
            let head = format!(
                "HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            stream
                .write_all(&[head.as_bytes(), &body].concat())
                .unwrap();
        }
        authority
    });
    (url, serving)
}

//! Options that a program takes a password from, where no name says so: `curl -u app:…`.

use super::placeholder::{has_scheme, is_placeholder};

/// How an option is given its password.
#[derive(Clone, Copy)]
enum Given {
    /// Behind a user's name and a colon; so `pass:…` of OpenSSL too.
    BehindColon,
    /// As the next word, or in the same one.
    Anywhere,
    /// In the same word; as a word of its own it would be something else.
    SameWord,
}

/// Programs by a part of their name of three bytes or more, with the options.
pub(super) const PROGRAMS: &[(&str, Options)] = &[
    (
        "curl",
        Options(Given::BehindColon, &["-u", "-U", "--user", "--proxy-user"]),
    ),
    (
        "skopeo",
        Options(
            Given::BehindColon,
            &["--creds", "--src-creds", "--dest-creds"],
        ),
    ),
    (
        "openssl",
        Options(Given::BehindColon, &["-passin", "-passout", "-pass"]),
    ),
    ("mysql", Options(Given::SameWord, &["-p"])),
    ("mariadb", Options(Given::SameWord, &["-p"])),
    ("sshpass", Options(Given::Anywhere, &["-p"])),
    ("mongo", Options(Given::Anywhere, &["-p"])),
    ("login", Options(Given::Anywhere, &["-p"])),
    ("redis-cli", Options(Given::Anywhere, &["-a"])),
    ("ldap", Options(Given::Anywhere, &["-w"])),
    ("sqlcmd", Options(Given::Anywhere, &["-P"])),
];

/// Options of one program.
pub(super) struct Options(Given, &'static [&'static str]);

/// The longest command line that is read.
const REACH: usize = 512;

impl Options {
    /// Whether the command line goes on with one of the options and a password for it.
    pub(super) fn give_away(&self, rest: &[u8]) -> bool {
        let Self(given, options) = self;
        let rest = rest.get(..REACH).unwrap_or(rest);
        // A line that ends in a backslash goes on.
        let ends = |(at, byte): (usize, &u8)| match byte {
            b'\n' => at == 0 || rest.get(at - 1) != Some(&b'\\'),
            b'|' | b';' => true,
            _ => false,
        };
        let end = rest.iter().enumerate().position(ends).unwrap_or(rest.len());
        let line = rest.get(..end).unwrap_or_default();
        let mut words = line
            .split(|byte| byte.is_ascii_whitespace() || b"\"'\\,[]`".contains(byte))
            .filter(|word| !word.is_empty())
            .peekable();
        while let Some(word) = words.next() {
            for option in options.iter().map(|option| option.as_bytes()) {
                let value = match word.strip_prefix(option) {
                    Some([]) if !matches!(given, Given::SameWord) => words.peek().copied(),
                    Some([b'=', value @ ..]) => Some(value),
                    // `-uapp:…`, but not `--username`.
                    Some(value) if option.len() == 2 => Some(value),
                    _ => None,
                };
                if value.is_some_and(|value| given.is_password(value)) {
                    return true;
                }
            }
        }
        false
    }
}

impl Given {
    fn is_password(self, value: &[u8]) -> bool {
        let password = match self {
            Self::BehindColon if has_scheme(value) => None,
            Self::BehindColon => {
                let colon = value.iter().position(|&byte| byte == b':');
                colon.and_then(|at| value.get(at + 1..))
            }
            Self::Anywhere | Self::SameWord => Some(value),
        };
        password.is_some_and(|password| {
            let is_number = password.len() < 6 && password.iter().all(u8::is_ascii_digit);
            let is_option = password.starts_with(b"-");
            password.len() >= 4 && !is_number && !is_option && !is_placeholder(password)
        })
    }
}

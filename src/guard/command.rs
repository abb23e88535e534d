//! Options that a program takes a password from, where no name says so: `curl -u app:…`.

use super::placeholder::{has_scheme, is_placeholder};

/// How an option is given its password.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    /// Behind a user's name and a colon; so `pass:…` of OpenSSL too.
    BehindColon,
    /// As the next word, or in the same one.
    Anywhere,
    /// In the same word; as a word of its own it would be something else.
    SameWord,
    /// Without an option: `app/…@db`.
    BehindSlash,
    /// As a word of its own, the third or later one, behind an option with a `b`: `-b FILE USER …`. With an
    /// `n` there is no file.
    ThirdWord,
}

use Given::{Anywhere, BehindColon, BehindSlash, SameWord, ThirdWord};

/// A program, by the beginning of its name, and those of its options that take a password,
/// without their dashes.
pub(super) struct Program(pub(super) &'static str, Given, &'static [&'static str]);

#[rustfmt::skip]
pub(super) const PROGRAMS: &[Program] = &[
    Program("curl", BehindColon, &["u", "U", "user", "proxy-user"]),
    Program("skopeo", BehindColon, &["creds", "src-creds", "dest-creds"]),
    Program("openssl", BehindColon, &["passin", "passout", "pass"]),
    Program("mysql", SameWord, &["p"]), Program("mariadb", SameWord, &["p"]),
    Program("sshpass", Anywhere, &["p"]), Program("mongo", Anywhere, &["p"]),
    Program("login", Anywhere, &["p"]), Program("redis-cli", Anywhere, &["a"]),
    Program("ldap", Anywhere, &["w"]), Program("sqlcmd", Anywhere, &["P"]),
    Program("sqlplus", BehindSlash, &[]), Program("expdp", BehindSlash, &[]),
    Program("impdp", BehindSlash, &[]), Program("rman", BehindSlash, &[]),
    Program("htpasswd", ThirdWord, &[]),
];

/// The longest command line that is read.
pub(super) const LINE: usize = 512;

impl Program {
    /// Whether the command line whose program's name ends where `rest` begins goes on with one of
    /// the options and a password for it.
    pub(super) fn gives_away(&self, rest: &[u8]) -> bool {
        let rest = rest.get(..LINE).unwrap_or(rest);
        if self.1 == ThirdWord {
            return self.has_third_word(rest);
        }
        let (mut takes_next, mut before) = (false, b' ');
        let pieces = rest.split_inclusive(|byte| ends_word(*byte));
        for (number, piece) in pieces.enumerate() {
            let (word, end) = match piece {
                [word @ .., end] if ends_word(*end) => (word, *end),
                word => (word, b' '),
            };
            // The first piece is what is left of the program's name, and another call of it is
            // looked at in its own turn.
            if number > 0 && word.ends_with(self.0.as_bytes()) {
                return false;
            }
            if number > 0 && !word.is_empty() {
                let glued = match self.1 {
                    BehindSlash => Some(word),
                    _ => self.behind_option(word),
                };
                let next = takes_next && !word.starts_with(b"-");
                if self.is_password(glued.unwrap_or_default()) || next && self.is_password(word) {
                    return true;
                }
                takes_next = self.1 != SameWord && glued == Some(b"");
            }
            // A line that ends in a backslash goes on.
            let goes_on = word.is_empty() && before == b'\\';
            if matches!(end, b'|' | b';') || end == b'\n' && !goes_on {
                return false;
            }
            before = end;
        }
        false
    }

    fn has_third_word(&self, rest: &[u8]) -> bool {
        let line = rest.split(|byte| b"\n|;".contains(byte)).next();
        let words = line.unwrap_or_default().split(|byte| ends_word(*byte));
        let (options, words): (Vec<&[u8]>, Vec<_>) = words
            .filter(|word| !word.is_empty())
            .partition(|word| word.starts_with(b"-"));
        let has = |letter| options.iter().any(|option| option.contains(&letter));
        let first = if has(b'n') { 1 } else { 2 };
        has(b'b') && words.iter().skip(first).any(|word| self.is_password(word))
    }

    /// What an option has in its own word, as in `--user=app:…` and `-uapp:…`, but not `--username`.
    fn behind_option<'w>(&self, word: &'w [u8]) -> Option<&'w [u8]> {
        let short = word.strip_prefix(b"-")?;
        let long = short.strip_prefix(b"-").unwrap_or(short);
        self.2.iter().find_map(|option| {
            let is_letter = option.len() == 1;
            let name = if is_letter { short } else { long };
            match name.strip_prefix(option.as_bytes())? {
                [b'=', value @ ..] => Some(value),
                value => (is_letter || value.is_empty()).then_some(value),
            }
        })
    }

    fn is_password(&self, value: &[u8]) -> bool {
        let colon = value.iter().position(|&byte| byte == b':');
        let slash = value.iter().position(|&byte| byte == b'/');
        let password = match colon {
            // A path, or a script's name behind an `@`, has no user before its first slash.
            _ if self.1 == BehindSlash => {
                let (user, rest) = value.split_at(slash.unwrap_or(value.len()));
                let end = rest.iter().position(|&byte| byte == b'@').unwrap_or(0);
                match user.is_empty() || user.iter().any(|byte| b"@=:.".contains(byte)) {
                    true => return false,
                    false => rest.get(1..end).unwrap_or_default(),
                }
            }
            _ if self.1 != BehindColon => value,
            Some(at) if !has_scheme(value) => value.get(at + 1..).unwrap_or_default(),
            _ => return false,
        };
        let is_number = password.len() < 6 && password.iter().all(u8::is_ascii_digit);
        password.len() >= 4 && !is_number && !is_placeholder(password)
    }
}

fn ends_word(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"\"'\\,[]`|;".contains(&byte)
}

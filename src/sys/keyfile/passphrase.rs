//! How a passphrase is asked for.

use std::io;

use zeroize::Zeroizing;

/// Asks for the passphrase of a key; `None` where there is nobody to ask.
pub type AskPassphrase<'a> = &'a dyn Fn() -> io::Result<Option<Zeroizing<String>>>;

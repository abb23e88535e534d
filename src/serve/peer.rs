//! Who is at the other end, as far as the system or a certificate says.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// A client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Peer {
    /// A process of this host, by the kernel's word.
    Local {
        /// Its user.
        user: u32,
        /// Its process, where the kernel says.
        process: Option<i32>,
    },
    /// Somebody on a network.
    Remote {
        /// The address.
        address: SocketAddr,
        /// The SHA-256 of the certificate, where one was asked for.
        certificate: Option<String>,
    },
}

/// Whom a limit holds for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PeerKey {
    /// All processes of a user.
    User(u32),
    /// All connections from an address.
    Address(IpAddr),
}

impl Peer {
    pub(super) const fn key(&self) -> PeerKey {
        match self {
            Self::Local { user, .. } => PeerKey::User(*user),
            Self::Remote { address, .. } => PeerKey::Address(address.ip()),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local { user, process } => {
                write!(f, "uid {user}")?;
                process.map_or(Ok(()), |process| write!(f, " pid {process}"))
            }
            Self::Remote {
                address,
                certificate,
            } => {
                write!(f, "{address}")?;
                let certificate = certificate.as_ref();
                certificate.map_or(Ok(()), |certificate| {
                    write!(f, " certificate {certificate}")
                })
            }
        }
    }
}

//! The sockets: made here, or handed over by systemd.

use std::fs::{self, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, chown};
use std::os::unix::net::{UnixListener as StdUnixListener, UnixStream};
use std::path::Path;

use listenfd::ListenFd;
use tokio::net::{TcpListener, UnixListener};

use super::config::{ListenAddress, ServeConfig, ServeError};

/// A socket that is listened on.
pub(super) enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Listener {
    /// How a browser of this host gets there.
    pub(super) fn url(&self, scheme: &str) -> Option<String> {
        let Self::Tcp(listener) = self else {
            return None;
        };
        let address = listener.local_addr().ok()?;
        Some(match address.ip().is_unspecified() {
            true => format!("{scheme}://localhost:{}", address.port()),
            false => format!("{scheme}://{address}"),
        })
    }
}

/// All sockets, each with its address as people write it.
pub(super) fn open(config: &ServeConfig) -> Result<Vec<(Listener, String)>, ServeError> {
    let mut listeners = inherited(config)?;
    for address in &config.listen {
        let doing = || format!("listen on {address}");
        let refused = |fault| ServeError::io(doing(), fault);
        let listener = match address {
            ListenAddress::Unix(path) => {
                let made = make_socket(path, config).map_err(refused)?;
                Listener::Unix(UnixListener::from_std(made).map_err(refused)?)
            }
            ListenAddress::Tcp(address) => {
                config.allow(address)?;
                let made = std::net::TcpListener::bind(address).map_err(refused)?;
                Listener::Tcp(asynchronous(made).map_err(refused)?)
            }
        };
        let name = match &listener {
            Listener::Unix(_) => address.to_string(),
            Listener::Tcp(made) => made.local_addr().map_err(refused)?.to_string(),
        };
        listeners.push((listener, name));
    }
    match listeners.is_empty() {
        true => Err(ServeConfig::nowhere()),
        false => Ok(listeners),
    }
}

pub(super) fn asynchronous(made: std::net::TcpListener) -> io::Result<TcpListener> {
    made.set_nonblocking(true)?;
    TcpListener::from_std(made)
}

/// Those that systemd made (`LISTEN_FDS`).
fn inherited(config: &ServeConfig) -> Result<Vec<(Listener, String)>, ServeError> {
    let mut handed = ListenFd::from_env();
    let mut listeners = Vec::new();
    for place in 0..handed.len() {
        let refused = |fault| ServeError::io(format!("take socket {place} of systemd"), fault);
        let listener = match handed.take_unix_listener(place) {
            Ok(Some(made)) => {
                made.set_nonblocking(true).map_err(refused)?;
                Listener::Unix(UnixListener::from_std(made).map_err(refused)?)
            }
            _ => match handed.take_tcp_listener(place).map_err(refused)? {
                Some(made) => Listener::Tcp(asynchronous(made).map_err(refused)?),
                None => continue,
            },
        };
        if let Listener::Tcp(made) = &listener {
            let address: SocketAddr = made.local_addr().map_err(refused)?;
            config.allow(&address)?;
        }
        listeners.push((listener, format!("socket {place} of systemd")));
    }
    Ok(listeners)
}

/// Makes a socket that nobody can reach before its mode and group are what they should be, and puts it
/// in the place of one that nobody listens on any more.
fn make_socket(path: &Path, config: &ServeConfig) -> io::Result<StdUnixListener> {
    if let Ok(found) = fs::symlink_metadata(path) {
        if !found.file_type().is_socket() {
            return Err(io::Error::other("something else is there"));
        }
        if UnixStream::connect(path).is_ok() {
            return Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                "somebody listens there",
            ));
        }
    }
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    let parent = parent.unwrap_or(Path::new("."));
    // Nobody else gets into a folder that is ours alone.
    let hidden = tempfile::Builder::new()
        .prefix(".ledger-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(parent)?;
    let made_at = hidden.path().join("s");
    let made = StdUnixListener::bind(&made_at)?;
    if let Some(group) = &config.socket_group {
        chown(&made_at, None, Some(group_number(group)?))?;
    }
    fs::set_permissions(&made_at, Permissions::from_mode(config.socket_mode))?;
    fs::rename(&made_at, path)?;
    made.set_nonblocking(true)?;
    Ok(made)
}

/// The number of a group, by itself or by its name in `/etc/group`.
fn group_number(group: &str) -> io::Result<u32> {
    if let Ok(number) = group.parse() {
        return Ok(number);
    }
    let groups = fs::read_to_string("/etc/group")?;
    let number = groups.lines().find_map(|line| {
        let mut parts = line.split(':');
        let is_it = parts.next() == Some(group);
        parts.nth(1).filter(|_| is_it)?.parse().ok()
    });
    number.ok_or_else(|| io::Error::other(format!("there is no group `{group}` in /etc/group")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> ServeConfig {
        ServeConfig {
            listen: Vec::new(),
            socket_mode: 0o620,
            socket_group: None,
            tls: None,
            rate: 0,
            quiet: true,
        }
    }

    #[test]
    fn a_socket_has_its_mode_takes_a_dead_ones_place_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("l.sock");
        let first = make_socket(&path, &config()).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o620);
        let taken = make_socket(&path, &config()).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        drop(first);
        drop(make_socket(&path, &config()).unwrap());
        let file = dir.path().join("file");
        fs::write(&file, b"").unwrap();
        make_socket(&file, &config()).unwrap_err();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_group_is_a_number_or_a_name() {
        assert_eq!(group_number("7").unwrap(), 7);
        assert_eq!(group_number("root").unwrap(), 0);
        group_number("no such group").unwrap_err();
    }
}

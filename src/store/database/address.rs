//! Where a database is and who asks it: a URL, and what the usual places add to it.
//!
//! | what | where, the first that has it |
//! |---|---|
//! | host, port, user, database, `sslmode`, `sslrootcert` | the URL; the service file; `PGHOST` and its like |
//! | password | the service file; `PGPASSWORD`; the password file |
//!
//! A password in the URL is refused: whoever lists processes would read it. It is looked up anew for each connection, since
//! it may have been rotated meanwhile, and no error or debug output has it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::net::IpAddr;
#[cfg(unix)]
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use postgres::Config;
use postgres::config::{Host, SslMode};

/// Answers what a variable of the environment says.
pub type Variables = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// How a database is named in place of a folder.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];
/// The schema that a ledger has where none is named.
const SCHEMA: &str = "ledger";
/// More than any service or password file has.
const SMALL: u64 = 1024 * 1024;

/// What is wrong with how a database is named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the database cannot be asked: {0}")]
pub struct AddressError(String);

/// Where a database is.
#[derive(Clone)]
pub struct DatabaseAddress {
    config: Config,
    variables: Variables,
    /// What the service file says, the password among it.
    service: BTreeMap<String, String>,
    /// The schema that holds the ledger.
    pub(super) schema: String,
    /// Whether its owner said that one machine is enough.
    pub(super) one_machine: bool,
    /// The certificates that the server's is signed by; the web's own where none are named.
    pub(super) authorities: Option<PathBuf>,
}

impl fmt::Debug for DatabaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = self.config.get_hosts();
        f.debug_struct("DatabaseAddress")
            .field("hosts", &hosts)
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

impl DatabaseAddress {
    /// Whether a text names a database.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        SCHEMES.iter().any(|scheme| text.starts_with(scheme))
    }

    /// Reads a URL: `postgres://USER@HOST[:PORT][,HOST…]/DATABASE`, and behind `?` what a connection may be told, besides
    /// `schema`, `service`, `sslrootcert` and `durability=one-machine`.
    ///
    /// # Errors
    /// What is wrong with it, a password in it, or a service that no file tells of.
    pub fn parse(text: &str, variables: Variables) -> Result<Self, AddressError> {
        let (place, query) = text.split_once('?').unwrap_or((text, ""));
        let (mut own, mut passed) = (BTreeMap::new(), Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "schema" | "service" | "durability" | "sslrootcert" | "sslmode" => {
                    own.insert(name.to_owned(), value.replace("%2F", "/"));
                }
                _ => passed.push(pair),
            }
        }
        let url = format!("{place}?{}", passed.join("&"));
        let config = url.parse::<Config>().map_err(|fault| refused(&fault))?;
        if config.get_password().is_some() {
            return Err(AddressError(
                "its password stands in its name, where everybody reads it who lists processes"
                    .to_owned(),
            ));
        }
        let service = own.get("service").cloned();
        let service = service.or_else(|| variables("PGSERVICE"));
        let service = service.map(|name| read_service(&name, &variables));
        let mut address = Self {
            config,
            service: service.transpose()?.unwrap_or_default(),
            variables,
            schema: schema(own.get("schema"))?,
            one_machine: one_machine(own.get("durability"))?,
            authorities: None,
        };
        address.complete(&own)?;
        Ok(address)
    }

    /// Fills in what the URL does not say.
    fn complete(&mut self, own: &BTreeMap<String, String>) -> Result<(), AddressError> {
        let said = |name: &str, variable: &str| {
            let named = own.get(name).or_else(|| self.service.get(name)).cloned();
            named.or_else(|| (self.variables)(variable))
        };
        self.authorities = said("sslrootcert", "PGSSLROOTCERT").map(PathBuf::from);
        let mode = said("sslmode", "PGSSLMODE");
        let (host, port) = (said("host", "PGHOST"), said("port", "PGPORT"));
        let (user, database) = (said("user", "PGUSER"), said("dbname", "PGDATABASE"));
        let config = &mut self.config;
        if config.get_hosts().is_empty() {
            for host in host.as_deref().unwrap_or("localhost").split(',') {
                config.host(host);
            }
            for port in port.iter().flat_map(|ports| ports.split(',')) {
                config.port(port.parse().map_err(|fault| refused(&fault))?);
            }
        }
        if let Some(user) = user.filter(|_| config.get_user().is_none()) {
            config.user(&user);
        }
        if let Some(database) = database.filter(|_| config.get_dbname().is_none()) {
            config.dbname(&database);
        }
        // Another machine is believed by its certificate alone, unless somebody decided otherwise.
        let apart = !config.get_hosts().iter().all(is_here);
        config.ssl_mode(match mode.as_deref() {
            Some("disable") => SslMode::Disable,
            Some("require" | "verify-ca" | "verify-full") => SslMode::Require,
            _ if apart => SslMode::Require,
            _ => SslMode::Disable,
        });
        config.application_name("ledger");
        Ok(())
    }

    /// How to connect now, with the password of this moment.
    pub(super) fn config(&self) -> Result<Config, AddressError> {
        let mut config = self.config.clone();
        let said = self.service.get("password").cloned();
        let said = said.or_else(|| (self.variables)("PGPASSWORD"));
        let password = match said {
            None => self.in_password_file()?,
            said => said,
        };
        if let Some(password) = password {
            config.password(password);
        }
        Ok(config)
    }

    /// Whether the server must show a certificate.
    pub(super) fn wants_tls(&self) -> bool {
        self.config.get_ssl_mode() == SslMode::Require
    }

    /// `host:port:database:user:password`, one a line, `*` for any; the first line that fits counts.
    fn in_password_file(&self) -> Result<Option<String>, AddressError> {
        let named = (self.variables)("PGPASSFILE").map(PathBuf::from);
        let Some(path) = named.or_else(|| in_home(&self.variables, ".pgpass")) else {
            return Ok(None);
        };
        let Ok(found) = fs::metadata(&path) else {
            return Ok(None);
        };
        #[cfg(unix)]
        if found.mode() & 0o077 != 0 {
            let shown = path.display();
            return Err(AddressError(format!(
                "others can read the password file {shown}; it must be its owner's alone (mode 0600)"
            )));
        }
        let text = read_small(&path, found.len())?;
        let config = &self.config;
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let hosts: Vec<String> = config.get_hosts().iter().map(shown).collect();
        let user = config.get_user().unwrap_or_default();
        let database = config.get_dbname().unwrap_or(user);
        let fits = |line: &str| {
            let [host, at, named, who, password] = fields(line)?;
            let is = |said: &str, wanted: &str| said == "*" || said == wanted;
            let fits = hosts.iter().any(|one| is(&host, one))
                && is(&at, &port.to_string())
                && is(&named, database)
                && is(&who, user);
            fits.then_some(password)
        };
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        Ok(lines.find_map(fits))
    }
}

fn refused(fault: &dyn std::error::Error) -> AddressError {
    let why = fault.source().map(ToString::to_string);
    AddressError(why.unwrap_or_else(|| fault.to_string()))
}

/// A name that needs no quotes, so that it means the same wherever it stands.
fn schema(named: Option<&String>) -> Result<String, AddressError> {
    let name = named.map_or(SCHEMA, String::as_str);
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || name.len() > 63 || !name.chars().all(plain) || name.starts_with("pg_") {
        return Err(AddressError(
            "a schema has a name of a to z, 0 to 9 and _ that does not begin with pg_".to_owned(),
        ));
    }
    Ok(name.to_owned())
}

fn one_machine(said: Option<&String>) -> Result<bool, AddressError> {
    match said.map(String::as_str) {
        None => Ok(false),
        Some("one-machine") => Ok(true),
        Some(other) => Err(AddressError(format!(
            "durability is said by `one-machine` or not at all, and not by `{other}`"
        ))),
    }
}

/// Whether a host is this machine.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            let address: Option<IpAddr> = name.parse().ok();
            name == "localhost" || address.is_some_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

fn shown(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(_) => "localhost".to_owned(),
    }
}

fn in_home(variables: &Variables, name: &str) -> Option<PathBuf> {
    Some(PathBuf::from(variables("HOME")?).join(name))
}

fn read_small(path: &PathBuf, length: u64) -> Result<String, AddressError> {
    let shown = path.display();
    if length > SMALL {
        return Err(AddressError(format!("{shown} is too long")));
    }
    fs::read_to_string(path).map_err(|fault| AddressError(format!("{shown}: {fault}")))
}

/// The section of a service in the service file of this user.
fn read_service(
    name: &str,
    variables: &Variables,
) -> Result<BTreeMap<String, String>, AddressError> {
    let named = variables("PGSERVICEFILE").map(PathBuf::from);
    let path = named.or_else(|| in_home(variables, ".pg_service.conf"));
    let unknown = || AddressError(format!("no service file tells of the service {name}"));
    let path = path.ok_or_else(unknown)?;
    let length = fs::metadata(&path).map_err(|_| unknown())?.len();
    let text = read_small(&path, length)?;
    let heading = format!("[{name}]");
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| **line == heading).ok_or_else(unknown)?;
    let section = lines.take_while(|line| !line.starts_with('['));
    let pairs = section.filter(|line| !line.starts_with('#'));
    let pairs = pairs.filter_map(|line| line.split_once('='));
    Ok(pairs
        .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
        .collect())
}

/// The five fields of a line of the password file, in which `\` makes the next character an ordinary one.
fn fields(line: &str) -> Option<[String; 5]> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match c {
            ':' if fields.len() < 5 => fields.push(String::new()),
            '\\' => fields.last_mut()?.extend(characters.next()),
            c => fields.last_mut()?.push(c),
        }
    }
    fields.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn variables(said: &[(&str, &str)]) -> Variables {
        let said: BTreeMap<String, String> = said
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Arc::new(move |name| said.get(name).cloned())
    }

    fn parse(text: &str, said: &[(&str, &str)]) -> Result<DatabaseAddress, AddressError> {
        DatabaseAddress::parse(text, variables(said))
    }

    #[test]
    fn a_password_comes_from_its_file_and_stands_in_no_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pass");
        fs::write(
            &file,
            "# mine\nh:1:*:w:one\nh:*:d\\:b:w:t:w\\\\o\n*:*:*:*:any\n",
        )
        .unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let said = [("PGPASSFILE", file.to_str().unwrap())];
        let password = |url: &str| {
            let address = parse(url, &said).unwrap();
            assert!(!format!("{address:?}").contains("one"));
            let config = address.config().unwrap();
            String::from_utf8(config.get_password().unwrap().to_vec()).unwrap()
        };
        assert_eq!(password("postgres://w@h:1/x"), "one");
        assert_eq!(password("postgres://w@h:2/d:b"), "t:w\\o");
        assert_eq!(password("postgres://w@elsewhere/x"), "any");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let open = parse("postgres://w@h/x", &said).unwrap().config();
        assert!(open.unwrap_err().to_string().contains("mode 0600"));
        let named = parse("postgres://w:secret@h/x", &[]).unwrap_err();
        assert!(!named.to_string().contains("secret"), "{named}");
    }

    #[test]
    fn another_machine_shows_a_certificate_unless_somebody_decided_otherwise() {
        let wants = |url: &str, said: &[_]| parse(url, said).unwrap().wants_tls();
        assert!(wants("postgres://db.example/x", &[]));
        assert!(wants("postgres://127.0.0.1,db.example/x", &[]));
        assert!(wants("postgres://localhost/x?sslmode=verify-full", &[]));
        assert!(!wants("postgres://127.0.0.1/x", &[]));
        assert!(!wants("postgres://%2Frun%2Fpostgresql/x", &[]));
        assert!(!wants(
            "postgres://db.example/x",
            &[("PGSSLMODE", "disable")]
        ));
    }

    #[test]
    fn a_service_is_read_from_its_section() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("services");
        fs::write(
            &file,
            "[other]\nhost=o\n[prod]\nhost = db\nport=6543\nuser=w\n[last]\nuser=x\n",
        )
        .unwrap();
        let said = [("PGSERVICEFILE", file.to_str().unwrap())];
        let address = parse("postgres://?service=prod", &said).unwrap();
        let hosts: Vec<_> = address.config.get_hosts().iter().map(shown).collect();
        assert_eq!(
            (hosts, address.config.get_ports()),
            (vec!["db".to_owned()], &[6543][..])
        );
        assert_eq!(address.config.get_user(), Some("w"));
        assert!(parse("postgres://?service=none", &said).is_err());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for url in [
            "postgres://h/x?schema=Ledger",
            "postgres://h/x?schema=a;b",
            "postgres://h/x?durability=high",
            "postgres://h/x?unheard=1",
        ] {
            assert!(parse(url, &[]).is_err(), "{url}");
        }
        assert!(
            parse("postgres://h/x?durability=one-machine", &[])
                .unwrap()
                .one_machine
        );
    }
}

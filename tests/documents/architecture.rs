//! The house stands as `docs/ARCHITECTURE.md` says: who imports whom, and why each dependency is there.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

mod imports;

/// A row of the table: a room, its floor, and the rooms it may use.
struct Room {
    floor: String,
    name: String,
    may_use: Vec<String>,
}

/// Floors whose rows are exact: what they may use is used. Above them a room may grow into its row.
const EXACT: &[&str] = &["ground", "domain", "formats", "judgement", "world"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

fn words(cell: &str) -> Vec<String> {
    let words = cell.split('`').skip(1).step_by(2);
    words.map(str::to_owned).collect()
}

/// The rows below the header that begins with `header`, cell by cell.
fn table(document: &str, header: &str) -> Vec<Vec<String>> {
    let lines = document
        .lines()
        .skip_while(|line| !line.starts_with(header));
    let rows = lines.skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        row.trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect()
    })
    .collect()
}

fn rooms() -> Vec<Room> {
    let document = read("docs/ARCHITECTURE.md");
    let mut rooms: Vec<Room> = Vec::new();
    for row in table(&document, "| floor | room |") {
        let [floor, room, _, may_use] = &row[..] else {
            panic!("a row of four cells: {row:?}");
        };
        let before = || rooms.iter().map(|room| room.name.clone()).collect();
        let may_use = if may_use == "everything" {
            before()
        } else {
            words(may_use)
        };
        rooms.push(Room {
            floor: floor.clone(),
            name: words(room).remove(0),
            may_use,
        });
    }
    rooms
}

fn sources(path: PathBuf, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for inside in std::fs::read_dir(&path).unwrap() {
            sources(inside.unwrap().path(), found);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        found.push(path);
    }
}

/// The files of a room: `src/room.rs`, or all in `src/room`.
fn files(room: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in [format!("src/{room}.rs"), format!("src/{room}")] {
        let path = root().join(path);
        if path.exists() {
            sources(path, &mut found);
        }
    }
    found
}

/// The rooms that a room uses, each with a place where it does.
fn uses(room: &str) -> BTreeMap<String, String> {
    let mut used = BTreeMap::new();
    for file in files(room) {
        for named in imports::paths(&read(&file)) {
            if let [krate, name, ..] = &named.path[..]
                && krate == "crate"
            {
                let place = || format!("{}:{}", file.display(), named.line);
                used.entry(name.clone()).or_insert_with(place);
            }
        }
    }
    used.remove(room);
    used
}

/// The sources of `src` by the names of their modules; the crate itself and its tests are none.
pub(crate) fn modules() -> BTreeMap<String, String> {
    let mut found = Vec::new();
    sources(root().join("src"), &mut found);
    let modules = found.into_iter().map(|file| {
        let inside = file.strip_prefix(root().join("src")).unwrap();
        let name = inside
            .with_extension("")
            .to_string_lossy()
            .replace('/', "::");
        let name = name
            .strip_suffix("::mod")
            .map(str::to_owned)
            .unwrap_or(name);
        (name, read(&file))
    });
    modules
        .filter(|(name, _)| name != "lib" && name != "main" && !name.ends_with("tests"))
        .collect()
}

/// The files of a room that import each other in circles.
fn circle_in(room: &str, graph: &imports::Graph) -> BTreeSet<String> {
    let graph = graph.clone().into_iter();
    let of_room = |name: &str| name.split("::").next() == Some(room);
    imports::circle(&graph.filter(|(name, _)| of_room(name)).collect())
}

#[test]
fn every_room_of_src_has_its_row() {
    let named: BTreeSet<_> = rooms().into_iter().map(|room| room.name).collect();
    let entries = std::fs::read_dir(root().join("src")).unwrap();
    let found: BTreeSet<_> = entries
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| name != "lib" && name != "main")
        .collect();
    assert_eq!(found, named);
}

#[test]
fn imports_point_downwards() {
    let rooms = rooms();
    for (place, room) in rooms.iter().enumerate() {
        for below in &room.may_use {
            let above = !rooms[..place].iter().any(|other| other.name == *below);
            assert!(
                !above,
                "`{}` may use `{below}`, which does not stand above it in the table",
                room.name
            );
        }
        for (used, place) in uses(&room.name) {
            assert!(
                room.may_use.contains(&used),
                "{place}: `{}` uses `{used}`",
                room.name
            );
        }
    }
}

#[test]
fn nothing_is_allowed_that_nobody_uses() {
    for room in rooms()
        .iter()
        .filter(|room| EXACT.contains(&room.floor.as_str()))
    {
        let used = uses(&room.name);
        for allowed in &room.may_use {
            assert!(
                used.contains_key(allowed),
                "`{}` does not use `{allowed}`",
                room.name
            );
        }
    }
}

#[test]
fn the_floors_in_lib_rs_are_those_of_the_table() {
    let rooms = rooms();
    let mut floors: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for room in rooms {
        floors.entry(room.floor).or_default().insert(room.name);
    }
    let lib: String = read("src/lib.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//! "))
        .fold(String::new(), |text, line| text + line + "\n");
    let stated: BTreeMap<String, BTreeSet<String>> = table(&lib, "| floor | rooms |")
        .into_iter()
        .map(|row| (row[0].clone(), words(&row[1]).into_iter().collect()))
        .collect();
    assert_eq!(stated, floors);
}

/// Between rooms the table forbids them. Within a room a `mod.rs` is a door: what its files share stands in
/// a file beside them.
#[test]
fn files_import_each_other_in_no_circle() {
    let graph = imports::graph(&modules());
    for room in rooms() {
        let circle = circle_in(&room.name, &graph);
        assert!(circle.is_empty(), "a circle among {circle:?}");
    }
}

#[test]
fn every_dependency_says_why_it_is_there() {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let names = |section: &toml::Value| section.as_table().unwrap().keys().cloned().collect();
    let targets = manifest["target"].as_table().unwrap().values();
    let sections = [&manifest["dependencies"], &manifest["dev-dependencies"]];
    let needed: BTreeSet<String> = sections
        .into_iter()
        .chain(targets.map(|target| &target["dependencies"]))
        .flat_map::<Vec<_>, _>(names)
        .collect();
    let document = read("docs/ARCHITECTURE.md");
    let explained: BTreeSet<_> = table(&document, "| crate | why")
        .into_iter()
        .flat_map(|row| words(&row[0]))
        .collect();
    assert_eq!(explained, needed);
}

#[test]
fn asynchronous_code_is_in_one_face() {
    for (module, source) in modules() {
        // Types of TLS, which a database's connection is handed, come out of crates of that name.
        let source = ["tokio_postgres_rustls", "tokio_rustls"]
            .iter()
            .fold(source, |source, name| source.replace(name, ""));
        let is_asynchronous = ["async fn", ".await", "tokio"]
            .iter()
            .any(|word| source.contains(word));
        let is_there = module.starts_with("serve::");
        assert!(is_there || !is_asynchronous, "src/{module}");
    }
}

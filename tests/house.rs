//! The house is as ARCHITECTURE.md says: no room imports one above it, and a long file says why it is long.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Lines up to which a file needs no reason.
const LONG: usize = 500;

/// How the reason begins, among the first lines of a file.
const REASON: &str = "Longer than 500 lines: ";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files in a folder and its folders that end with one of `extensions`.
fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut found = Vec::new();
    for path in paths {
        let extension = path.extension().unwrap_or_default();
        if path.is_dir() {
            found.extend(files(&path, extensions));
        } else if extensions.iter().any(|known| extension == *known) {
            found.push(path);
        }
    }
    found
}

/// The rooms of the library, and those of the command, each list from the lowest to the highest.
fn orders() -> [Vec<String>; 2] {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, rest) = text.split_once("In one line: ").expect("the order");
    let (library, rest) = rest.split_once(". In the command: ").expect("its end");
    let (command, _) = rest.split_once(", then the subcommands").expect("its end");
    [library, command].map(|list| list.split(',').map(|name| name.trim().to_owned()).collect())
}

/// Code without comments, and without the tests at its end.
fn code(text: &str) -> String {
    let text = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// What stands first in the paths that begin with `root`: one name, or those of a list in braces.
fn imported(code: &str, root: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices(root) {
        let rest = &code[at + root.len()..];
        let Some(list) = rest.strip_prefix('{') else {
            names.insert(first_name(rest));
            continue;
        };
        let mut depth = 0;
        let mut begins = true;
        for (at, character) in list.char_indices() {
            match character {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => begins = true,
                _ if begins && !character.is_whitespace() => {
                    names.insert(first_name(&list[at..]));
                    begins = false;
                }
                _ => {}
            }
        }
    }
    names
}

fn first_name(text: &str) -> String {
    let of_name = |c: &char| c.is_alphanumeric() || *c == '_';
    text.chars().take_while(of_name).collect()
}

/// What is wrong in the imports of one room, which stands in the file at `path`, of rooms in this `order`. Rooms that it
/// lacks are the subcommands, which come last, side by side.
fn wrong_imports(
    path: &Path,
    text: &str,
    rooms: &BTreeSet<String>,
    order: &[String],
) -> Vec<String> {
    let place = |room: &str| order.iter().position(|known| known == room);
    let mut parts = path.iter().map(|part| part.to_str().unwrap());
    let room = parts.next().unwrap().trim_end_matches(".rs");
    let is_root = matches!(parts.next(), None | Some("mod.rs"));
    let code = code(text);
    let mut names = imported(&code, "crate::");
    if is_root {
        names.extend(imported(&code, "super::"));
    }
    let above = |name: &&String| match (place(name), place(room)) {
        (Some(other), Some(own)) => other > own,
        (None, _) => true,
        (Some(_), None) => false,
    };
    let others = names
        .iter()
        .filter(|name| rooms.contains(*name) && **name != room);
    others
        .filter(above)
        .map(|name| format!("{} imports {name}", path.display()))
        .collect()
}

#[test]
fn imports_go_one_way() {
    let [library, command] = orders();
    let mut wrong = Vec::new();
    for (source, order, has_more) in [("src", library, false), ("cli/src", command, true)] {
        let folder = root().join(source);
        let paths = files(&folder, &["rs"]);
        let paths: Vec<_> = paths
            .iter()
            .map(|path| path.strip_prefix(&folder).unwrap())
            .collect();
        let is_room = |path: &&&Path| !matches!(path.to_str(), Some("lib.rs" | "main.rs"));
        let name = |path: &&Path| {
            let room = path.iter().next().unwrap().to_str().unwrap();
            room.trim_end_matches(".rs").to_owned()
        };
        let rooms: BTreeSet<_> = paths.iter().filter(is_room).map(name).collect();
        for room in &order {
            assert!(
                rooms.contains(room),
                "{source} has no `{room}`, which ARCHITECTURE.md names"
            );
        }
        for room in rooms.iter().filter(|_| !has_more) {
            assert!(
                order.contains(room),
                "ARCHITECTURE.md does not name `{room}` of {source}"
            );
        }
        for path in paths.iter().filter(is_room) {
            let text = fs::read_to_string(folder.join(path)).unwrap();
            wrong.extend(wrong_imports(path, &text, &rooms, &order));
        }
    }
    assert!(
        wrong.is_empty(),
        "against the order of ARCHITECTURE.md:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn an_import_of_a_room_above_is_found() {
    let order = ["low", "high"].map(str::to_owned);
    let rooms = ["low", "high", "one", "two"].map(str::to_owned).into();
    let found = |path: &str, text: &str| wrong_imports(Path::new(path), text, &rooms, &order).len();
    assert_eq!(found("low.rs", "use crate::high::Roof;"), 1);
    assert_eq!(
        found(
            "low/beam.rs",
            "use crate::{\n    error::{a, b},\n    high::Roof,\n};"
        ),
        1
    );
    assert_eq!(found("low/mod.rs", "fn f() { super::high::g() }"), 1);
    assert_eq!(found("one.rs", "use super::{low, two::Door};"), 1);
    assert_eq!(found("high.rs", "use crate::low::Floor;"), 0);
    assert_eq!(found("one.rs", "use super::{high, low::{self, two}};"), 0);
    assert_eq!(found("low.rs", "/// As [`crate::high`].\nfn f() {}"), 0);
    assert_eq!(found("low/beam.rs", "use super::high;"), 0);
    assert_eq!(
        found(
            "low.rs",
            "fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::high;\n}"
        ),
        0
    );
}

/// Whether a file of this text may be as long as it is.
fn is_short_or_says_why(text: &str) -> bool {
    text.lines().count() <= LONG || text.lines().take(12).any(|line| line.contains(REASON))
}

#[test]
fn a_long_file_says_why() {
    let folders = [
        "src",
        "cli/src",
        "python/src",
        "shaders",
        "tests",
        "cli/tests",
    ];
    let paths = folders
        .iter()
        .flat_map(|folder| files(&root().join(folder), &["rs", "wgsl"]));
    let says_not = |path: &PathBuf| !is_short_or_says_why(&fs::read_to_string(path).unwrap());
    let silent: Vec<_> = paths.filter(says_not).collect();
    assert!(
        silent.is_empty(),
        "longer than {LONG} lines without \"{REASON}..\" at the top: {silent:#?}"
    );
}

#[test]
fn length_without_a_reason_is_found() {
    let long = "x\n".repeat(LONG + 1);
    assert!(!is_short_or_says_why(&long));
    assert!(is_short_or_says_why(&format!(
        "// {REASON}it is a list.\n{long}"
    )));
    assert!(!is_short_or_says_why(&format!(
        "{long}// {REASON}it is too late.\n"
    )));
    assert!(is_short_or_says_why(&"x\n".repeat(LONG)));
}

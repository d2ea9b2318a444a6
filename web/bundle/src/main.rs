//! Makes, of the library compiled to WebAssembly, the page of one file and the package for JavaScript:
//! `bundle library.wasm web results out`.

use std::{error::Error, fs, io::Write, path::Path};

use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use wasm_bindgen_cli_support::Bindgen;

/// Bytes of the compressed library at most: what a phone loads in a second or two.
const MOST: usize = 600_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [library, web, results, out] = &arguments[..] else {
        return Err("usage: bundle library.wasm web results out".into());
    };
    let (web, out) = (Path::new(web), Path::new(out));
    fs::create_dir_all(out)?;
    write_page(library, web, results.as_ref(), out)?;
    write_package(library, web, &out.join("package"))
}

/// One file that works from a disk, too: worker, library and results that were kept lie in it.
fn write_page(library: &str, web: &Path, results: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let mut output = Bindgen::new()
        .input_path(library)
        .no_modules(true)?
        .typescript(false)
        .out_name("library")
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate_output()?;
    let glue = output.js().to_owned();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&output.wasm_mut().emit_wasm())?;
    let wasm = encoder.finish()?;
    println!("the library takes {} bytes, compressed", wasm.len());
    if wasm.len() > MOST {
        return Err(format!("that is more than {MOST}").into());
    }
    let read = |name: &str| fs::read_to_string(web.join("page").join(name));
    let mut page = read("index.html")?;
    for (place, text) in [
        ("style.css", read("style.css")?),
        ("page.js", read("page.js")?),
        ("worker.js", glue + &read("worker.js")?),
        (
            "kept.json",
            kept(results)?.to_string().replace('<', "\\u003c"),
        ),
        ("library.wasm", BASE64_STANDARD.encode(wasm)),
    ] {
        if text.contains("</script") {
            return Err(format!("{place} holds what would end it").into());
        }
        let mark = format!("<!-- {place} -->");
        if !page.contains(&mark) {
            return Err(format!("index.html has no place for {place}").into());
        }
        page = page.replace(&mark, &text);
    }
    fs::write(out.join("index.html"), page)?;
    Ok(())
}

/// Of each folder of results the newest standard run, with no more than a page shows.
fn kept(results: &Path) -> Result<Value, Box<dyn Error>> {
    let mut files: Vec<_> = Vec::new();
    for folder in fs::read_dir(results)? {
        let folder = folder?.path();
        if folder.is_dir() {
            let mut runs: Vec<_> = fs::read_dir(&folder)?
                .map(|file| Ok(file?.path()))
                .collect::<std::io::Result<_>>()?;
            runs.retain(|path| path.to_string_lossy().ends_with("-standard.json"));
            runs.sort();
            files.extend(runs.pop());
        }
    }
    files.sort();
    let mut kept = Vec::new();
    for file in files {
        let run: Value = serde_json::from_str(&fs::read_to_string(&file)?)?;
        let rows = run["rows"].as_array().into_iter().flatten();
        let rows = rows.filter(|row| row["measurement"].is_object()).map(|row| {
            let summary = &row["measurement"]["summary"];
            json!({
                "device": row["device"], "kind": row["kind"], "op": row["op"], "pass": row["pass"],
                "dtype": row["dtype"], "math": row["math"], "status": row["status"],
                "measurement": { "summary": {
                    "gb_per_s": rounded(&summary["gb_per_s"]), "fraction": rounded(&summary["fraction"]),
                } },
            })
        });
        kept.push(json!({
            "schema": run["schema"], "devices": run["devices"], "rows": rows.collect::<Vec<_>>(),
        }));
    }
    Ok(Value::Array(kept))
}

fn rounded(number: &Value) -> Value {
    number
        .as_f64()
        .map_or(Value::Null, |number| json!((number * 1e3).round() / 1e3))
}

/// A package that npm packs: the library as a module, with types.
fn write_package(library: &str, web: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    Bindgen::new()
        .input_path(library)
        .web(true)?
        .typescript(true)
        .out_name("library")
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(out)?;
    for file in fs::read_dir(web.join("package"))? {
        let file = file?;
        fs::copy(file.path(), out.join(file.file_name()))?;
    }
    Ok(())
}

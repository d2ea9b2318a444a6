//! The page in a browser, headless Chromium: nothing is cut off or scrolls the page sideways, and
//! dark surroundings change its colours.
//!
//! Chromium's windows are at least 500 pixels wide, so the page stands in a frame.

use std::{fs, path::Path, process::Command};

use serde_json::Value;
use wgpu_activations_cli::results::report::{Format, Source};

use crate::{
    content::text,
    fixture::{DEVICES, run, source},
};

const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// What is asked of the page once it is loaded.
const MEASURE: &str = r#"
onload = () => {
    const page = frame.contentDocument, root = page.documentElement;
    page.querySelectorAll("details").forEach(details => details.open = true);
    const cut = [...page.querySelectorAll("svg.chart text")].filter(text => {
        const inner = text.getBoundingClientRect();
        const outer = text.closest("svg.chart").getBoundingClientRect();
        return inner.left < outer.left - 1 || inner.right > outer.right + 1;
    });
    const colour = (where, which) => getComputedStyle(page.querySelector(where))[which];
    const result = JSON.stringify({
        wide: Math.max(root.scrollWidth, page.body.scrollWidth),
        view: root.clientWidth,
        cut: cut.map(text => text.textContent),
        colours: [
            colour("body", "backgroundColor"), colour("body", "color"),
            colour("rect.c0", "fill"), colour("text.ink", "fill"),
        ],
    });
    document.body.textContent = "@" + result + "@";
};
"#;

/// A browser's name; none if there is none and none is required.
fn browser() -> Option<&'static str> {
    let there = |name: &&str| {
        let version = Command::new(name).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    };
    let found = NAMES.into_iter().find(there);
    if found.is_none() {
        let required = std::env::var_os("REQUIRE_GPU").is_some_and(|value| value == "1");
        assert!(
            !required,
            "REQUIRE_GPU=1 but there is no {}",
            NAMES.join(", no ")
        );
        eprintln!("skipped: no Chromium");
    }
    found
}

/// Whether the surroundings are dark.
#[derive(Clone, Copy)]
enum Scheme {
    Dark = 0,
    Light = 1,
}

/// The page in a frame of `width` pixels.
fn framed(page: &str, width: u32, script: &str) -> String {
    let page = page.replace('&', "&amp;").replace('"', "&quot;");
    format!(
        "<!DOCTYPE html><meta charset=utf-8><meta name=color-scheme content='light dark'>\
         <body style='margin:0'><iframe id=frame style='border:0;width:{width}px;height:2000px' \
         srcdoc=\"{page}\"></iframe><script>{script}</script>"
    )
}

fn chromium(browser: &str, folder: &Path, scheme: Scheme, action: &str) -> Vec<u8> {
    let output = Command::new(browser)
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
        ])
        .arg("--window-size=1400,2000")
        .arg(format!(
            "--blink-settings=preferredColorScheme={}",
            scheme as u8
        ))
        .arg(format!(
            "--user-data-dir={}",
            folder.join("profile").display()
        ))
        .arg(action)
        .arg(format!("file://{}", folder.join("framed.html").display()))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    output.stdout
}

fn measured(browser: &str, sources: &[Source], width: u32, scheme: Scheme) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let page = framed(&text(sources, Format::Html), width, MEASURE);
    fs::write(folder.path().join("framed.html"), page).unwrap();
    let dom = chromium(browser, folder.path(), scheme, "--dump-dom");
    let dom = String::from_utf8(dom).unwrap();
    let json = dom.split('@').nth(1).unwrap_or_else(|| panic!("{dom}"));
    serde_json::from_str(&json.replace("&amp;", "&").replace("&lt;", "<")).unwrap()
}

fn cases() -> [Vec<Source>; 3] {
    let long = "x".repeat(300);
    let mut unbroken = run(&DEVICES[..1], &[1 << 20]);
    unbroken.program.commit = Some(long.clone());
    unbroken.host.os = long;
    [
        vec![source(
            "three.json",
            run(&DEVICES[..3], &[1 << 10, 1 << 20, 1 << 26]),
        )],
        vec![source("eight.json", run(&DEVICES, &[1 << 20]))],
        vec![source("unbroken.json", unbroken)],
    ]
}

#[test]
fn the_page_fits_narrow_and_wide_windows() {
    let Some(browser) = browser() else { return };
    for sources in cases() {
        for width in [360, 1280] {
            let found = measured(browser, &sources, width, Scheme::Light);
            assert_eq!(found["view"], width);
            assert_eq!(found["wide"], width, "{} scrolls sideways", sources[0].name);
            assert_eq!(
                found["cut"],
                Value::Array(Vec::new()),
                "{} at {width}",
                sources[0].name
            );
        }
    }
}

#[test]
fn dark_surroundings_change_the_colours() {
    let Some(browser) = browser() else { return };
    let sources = &cases()[0];
    let colours = |scheme| measured(browser, sources, 1280, scheme)["colours"].clone();
    let (light, dark) = (colours(Scheme::Light), colours(Scheme::Dark));
    assert_eq!(light[0], "rgb(255, 255, 255)");
    for index in 0..4 {
        assert_ne!(light[index], dark[index], "{light} {dark}");
    }
}

#[test]
fn screenshots_show_the_page() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let shot = |width: u32, scheme| {
        let page = framed(&text(&cases()[0], Format::Html), width, "");
        fs::write(folder.path().join("framed.html"), page).unwrap();
        let file = folder.path().join("shot.png");
        let action = format!("--screenshot={}", file.display());
        chromium(browser, folder.path(), scheme, &action);
        fs::read(file).unwrap()
    };
    for width in [360, 1280] {
        let (light, dark) = (shot(width, Scheme::Light), shot(width, Scheme::Dark));
        // A blank picture of this size takes less.
        assert!(
            light.len() > 50_000 && dark.len() > 50_000,
            "{} {}",
            light.len(),
            dark.len()
        );
        assert_ne!(light, dark);
    }
}

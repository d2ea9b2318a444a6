//! Strings that would be markup, formulas or line breaks stay text.

use wgpu_activations::bench::record::{Kind, Status};

use wgpu_activations_cli::results::report::Format;

use crate::{
    content::{TEXTS, text},
    fixture::{empty, facts, row, source, timed, went},
    markup::{closed, with_document},
};

const HOSTILE: &str =
    "<script>alert(\"1\")</script>, '&amp;' | `x` [a](b)\r\n*c* \u{0}\u{8}\u{ffff}]]>";

#[test]
fn hostile_strings_stay_text() {
    let mut run = empty();
    let mut device = facts(&("d", "discrete", "vulkan", 1.0));
    for string in [
        &mut device.name,
        &mut device.adapter,
        &mut device.driver,
        &mut device.backend,
    ] {
        *string = HOSTILE.to_owned();
    }
    device.features = vec![HOSTILE.to_owned()];
    run.devices.push(device);
    for string in [
        &mut run.host.os,
        &mut run.host.cpu,
        &mut run.started,
        &mut run.settings.preset,
    ] {
        *string = HOSTILE.to_owned();
    }
    run.program.commit = Some(HOSTILE.to_owned());
    for kind in [Kind::Kernel, Kind::Baseline, Kind::Offload, Kind::Launch] {
        let mut good = row(HOSTILE, kind, HOSTILE, HOSTILE, 1 << 20);
        good.dtype = HOSTILE.to_owned();
        good.implementation = HOSTILE.to_owned();
        let mut bad = went(good.clone(), Status::Failed, HOSTILE);
        bad.op = "gelu".to_owned();
        good.shape = vec![1 << 20];
        let mut timed = timed(good, 10.0, Some(10.0));
        let baseline = timed.measurement.as_mut().unwrap().baseline.as_mut();
        baseline.unwrap().name = HOSTILE.to_owned();
        run.rows.extend([bad, timed]);
    }
    run.complete = false;
    let sources = [source(HOSTILE, run)];

    let page = text(&sources, Format::Html);
    with_document(&closed(&page), |document| {
        let nodes = document.descendants();
        assert_eq!(nodes.filter(|node| node.has_tag_name("script")).count(), 0);
    });
    let picture = text(&sources, Format::Svg);
    with_document(&picture, |document| {
        assert_eq!(
            document
                .descendants()
                .filter(|node| node.has_tag_name("script"))
                .count(),
            0
        );
    });
    for format in TEXTS {
        let text = text(&sources, format);
        if format != Format::Csv {
            assert!(!text.contains("<script"), "{format:?}");
            assert!(!text.contains(['\u{0}', '\u{8}', '\u{ffff}']), "{format:?}");
        }
    }
    // Every line of a table has as many cells as its head.
    let mut cells = 0;
    for line in text(&sources, Format::Markdown).lines() {
        let found = line.replace("\\|", "").matches('|').count();
        assert!(
            !line.starts_with('|') || cells == 0 || found == cells,
            "{line}"
        );
        cells = found;
    }
    // Quotes are doubled within quotes.
    let csv = text(&sources, Format::Csv);
    assert!(csv.contains("\"<script>alert(\"\"1\"\")</script>, '&amp;'"));
    assert_eq!(csv.matches('"').count() % 2, 0);
}

#[test]
fn long_names_are_cut_in_pictures_and_whole_on_the_page() {
    let name = "x".repeat(3000);
    let mut run = empty();
    let row = row(&name, Kind::Kernel, &name, "forward", 1 << 20);
    run.rows.push(timed(row, 10.0, None));
    let sources = [source("run.json", run)];
    assert!(text(&sources, Format::Html).contains(&name));
    let picture = text(&sources, Format::Svg);
    let drawn = picture.split("</desc>").nth(1).unwrap();
    assert!(!drawn.split("<title>").next().unwrap().contains(&name));
    assert!(drawn.contains('…'));
}

//! Page and picture as markup: well-formed, in order, and complete for those who cannot see.

use std::collections::HashSet;

use roxmltree::{Document, Node, ParsingOptions};
use wgpu_activations_cli::results::report::{Format, Source, render};

use crate::{
    content::text,
    fixture::{DEVICES, empty, run, source},
};

/// The page as XML: its void elements closed.
pub(crate) fn closed(page: &str) -> String {
    let mut parts = page.split("<meta ");
    let mut closed = parts.next().unwrap().to_owned();
    for part in parts {
        closed += &format!("<meta {}", part.replacen('>', "/>", 1));
    }
    closed
}

pub(crate) fn with_document(markup: &str, look: impl FnOnce(&Document<'_>)) {
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    look(&Document::parse_with_options(markup, options).unwrap());
}

fn all() -> Vec<Vec<Source>> {
    vec![
        vec![source("empty.json", empty())],
        vec![source("one.json", run(&DEVICES[..1], &[1 << 20]))],
        vec![source(
            "sizes.json",
            run(&DEVICES[..2], &[1 << 10, 1 << 20]),
        )],
        vec![source("eight.json", run(&DEVICES, &[1 << 20]))],
    ]
}

#[test]
fn the_page_is_well_formed_and_in_order() {
    for sources in all() {
        let page = text(&sources, Format::Html);
        with_document(&closed(&page), |document| {
            let nodes = || document.descendants().filter(Node::is_element);
            assert_eq!(document.root_element().attribute("lang"), Some("en"));
            let ids: Vec<_> = nodes().filter_map(|node| node.attribute("id")).collect();
            let distinct: HashSet<_> = ids.iter().copied().collect();
            assert_eq!(ids.len(), distinct.len(), "an id is there twice");
            for node in nodes() {
                let named = node.attribute("aria-labelledby").unwrap_or_default();
                for id in named.split_whitespace() {
                    assert!(distinct.contains(id), "no {id}");
                }
                if let Some(id) = node.attribute("href") {
                    assert!(distinct.contains(&id[1..]), "no {id}");
                }
            }
            let levels: Vec<u32> = nodes()
                .filter_map(|node| node.tag_name().name().strip_prefix('h')?.parse().ok())
                .collect();
            assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1);
            for pair in levels.windows(2) {
                assert!(pair[1] <= pair[0] + 1, "h{} after h{}", pair[1], pair[0]);
            }
        });
    }
}

#[test]
fn charts_and_tables_speak() {
    for sources in all() {
        let page = text(&sources, Format::Html);
        with_document(&closed(&page), |document| {
            let of = |name: &'static str| {
                let nodes = document.descendants();
                nodes.filter(move |node| node.has_tag_name(name))
            };
            for chart in of("svg").filter(|chart| chart.attribute("aria-hidden").is_none()) {
                assert_eq!(chart.attribute("role"), Some("img"));
                let first: Vec<_> = chart
                    .children()
                    .take(2)
                    .map(|node| node.tag_name().name())
                    .collect();
                assert_eq!(first, ["title", "desc"]);
            }
            for table in of("table") {
                assert!(table.first_element_child().unwrap().has_tag_name("caption"));
            }
            for head in of("th") {
                assert!(matches!(head.attribute("scope"), Some("col" | "row")));
            }
        });
    }
}

#[test]
fn the_picture_is_well_formed_and_says_its_numbers() {
    for sources in all() {
        let picture = text(&sources, Format::Svg);
        with_document(&picture, |document| {
            let root = document.root_element();
            assert_eq!(root.attribute("role"), Some("img"));
            let desc = root.children().find(|node| node.has_tag_name("desc"));
            let desc = desc.unwrap().text().unwrap_or_default().to_owned();
            let kernels = !sources[0].run.rows.is_empty();
            assert_eq!(desc.contains("GELU (tanh), backward: "), kernels, "{desc}");
        });
        assert!(picture.contains("prefers-color-scheme:dark"));
    }
}

#[test]
fn nothing_is_fetched() {
    for sources in all() {
        let page = text(&sources, Format::Html);
        let picture = text(&sources, Format::Svg);
        let picture = picture.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        for markup in [page, picture] {
            for sign in [
                "http:", "https:", "//", "url(", "@import", "<script", " src=", "<link",
            ] {
                assert!(!markup.contains(sign), "{sign}");
            }
        }
    }
}

#[test]
fn the_png_is_the_picture_at_twice_its_size() {
    for sources in all() {
        let picture = text(&sources, Format::Svg);
        let png = render(&sources, Format::Png).unwrap();
        assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
        let size = |at: usize| f64::from(u32::from_be_bytes(png[at..at + 4].try_into().unwrap()));
        with_document(&picture, |document| {
            let root = document.root_element();
            for (name, found) in [("width", size(16)), ("height", size(20))] {
                let wanted: f64 = root.attribute(name).unwrap().parse().unwrap();
                assert!(
                    (found - 2.0 * wanted).abs() <= 2.0,
                    "{name}: {found}, {wanted}"
                );
            }
        });
        assert_eq!(png, render(&sources, Format::Png).unwrap());
    }
}

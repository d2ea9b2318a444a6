//! Nothing that a result file says is missing.

use wgpu_activations::bench::record::{Kind, Row, Run, Status};

use wgpu_activations_cli::results::report::{Format, Source, render};

use crate::fixture::{DEVICES, OPS, accurate, empty, facts, row, run, source, timed, went};

pub(crate) const TEXTS: [Format; 4] = [Format::Html, Format::Svg, Format::Markdown, Format::Csv];

pub(crate) fn text(sources: &[Source], format: Format) -> String {
    String::from_utf8(render(sources, format).unwrap()).unwrap()
}

fn with_rows(rows: Vec<Row>) -> Run {
    let mut run = empty();
    run.devices.push(facts(&DEVICES[0]));
    run.rows = rows;
    run
}

fn kernel(op: &str) -> Row {
    row(DEVICES[0].0, Kind::Kernel, op, "forward", 1 << 20)
}

/// Fields of each line; none of them holds a line break.
fn fields(csv: &str) -> Vec<Vec<String>> {
    let split = |line: &str| {
        let (mut fields, mut quoted) = (vec![String::new()], false);
        for character in line.chars() {
            match character {
                '"' => quoted = !quoted,
                ',' if !quoted => fields.push(String::new()),
                _ => fields.last_mut().unwrap().push(character),
            }
        }
        fields
    };
    csv.split_terminator("\r\n").map(split).collect()
}

#[test]
fn every_kind_of_row_is_in_every_format() {
    const BAD: [(Status, &str); 5] = [
        (Status::Wrong, "wrong"),
        (Status::Failed, "failed"),
        (Status::Crashed, "crashed"),
        (Status::Hung, "hung"),
        (Status::Unsupported, "unsupported"),
    ];
    let mut run = run(&DEVICES[..1], &[1 << 20]);
    for (place, (status, word)) in BAD.into_iter().enumerate() {
        let op = OPS[place];
        let old = run
            .rows
            .iter()
            .position(|row| row.op == op && row.kind == Kind::Kernel);
        run.rows[old.unwrap()] = went(kernel(op), status, &format!("why it {word}"));
    }
    let rows = run.rows.len();
    let sources = [source("run.json", run)];
    for format in TEXTS {
        let text = text(&sources, format);
        for (_, word) in BAD {
            assert!(text.contains(word), "{word} in {format:?}");
            let why = format!("why it {word}");
            assert!(
                format == Format::Svg || text.contains(&why),
                "{why} in {format:?}"
            );
        }
    }
    for format in [Format::Html, Format::Markdown] {
        let text = text(&sources, format);
        for other in ["two-read", "From host memory and back", "empty submit"] {
            assert!(text.contains(other), "{other} in {format:?}");
        }
    }
    let csv = fields(&text(&sources, Format::Csv));
    assert_eq!(csv.len(), rows + 1);
    assert!(csv.iter().all(|line| line.len() == csv[0].len()));
}

#[test]
fn what_went_badly_is_never_drawn() {
    // Times of a wrong row: a file that no benchmark should write.
    let bad = timed(kernel("gelu"), 123456.0, Some(10.0));
    let bad = went(bad, Status::Wrong, "2 elements");
    let sources = [source(
        "run.json",
        with_rows(vec![bad, timed(kernel("relu"), 5.0, None)]),
    )];
    for format in [Format::Html, Format::Svg, Format::Markdown] {
        let text = text(&sources, format);
        assert!(!text.contains("123,4"), "{format:?}");
        assert!(text.contains("wrong"), "{format:?}");
    }
}

#[test]
fn numbers_that_cannot_be_drawn_draw_nothing() {
    for value in [-5.0, 0.0, 1e300, f64::MAX, f64::MIN_POSITIVE] {
        let mut row = timed(kernel("gelu"), 10.0, Some(10.0));
        let measurement = row.measurement.as_mut().unwrap();
        measurement.summary.gb_per_s = value;
        measurement.summary.p10_ns = value;
        measurement.summary.median_ns = value;
        measurement.summary.fraction = Some(value);
        measurement.rounds_ns = vec![vec![value]];
        let sources = [source(
            "run.json",
            with_rows(vec![row, timed(kernel("relu"), 5.0, None)]),
        )];
        for format in Format::ALL {
            let content = render(&sources, format).unwrap();
            let text = String::from_utf8_lossy(&content);
            if matches!(format, Format::Html | Format::Svg) {
                assert!(
                    !text.contains("NaN") && !text.contains("inf%"),
                    "{value} in {format:?}"
                );
            }
        }
    }
}

#[test]
fn what_was_not_measured_says_so() {
    let mut run = run(&DEVICES[..2], &[1 << 20]);
    run.rows
        .retain(|row| row.device == DEVICES[0].0 || row.op != "gelu");
    let sources = [source("run.json", run)];
    for format in [Format::Html, Format::Svg, Format::Markdown] {
        assert!(
            text(&sources, format).contains("not measured"),
            "{format:?}"
        );
    }
}

#[test]
fn what_was_measured_at_other_sizes_says_so() {
    let at = |op, elements| {
        timed(
            row(DEVICES[0].0, Kind::Kernel, op, "forward", elements),
            9.0,
            None,
        )
    };
    let other = Row {
        implementation: "a peer 1.0".to_owned(),
        ..at("gelu", 1 << 10)
    };
    let rows = vec![at("gelu", 1 << 20), at("gelu", 1 << 12), other];
    let sources = [source("run.json", with_rows(rows))];
    for format in [Format::Html, Format::Svg, Format::Markdown] {
        assert!(
            text(&sources, format).contains("not at this size"),
            "{format:?}"
        );
    }
}

#[test]
fn an_incomplete_run_says_so() {
    let mut run = run(&DEVICES[..1], &[1 << 20]);
    run.complete = false;
    let sources = [source("run.json", run)];
    for format in [Format::Html, Format::Svg, Format::Markdown] {
        assert!(
            text(&sources, format).to_lowercase().contains("incomplete"),
            "{format:?}"
        );
    }
    assert!(text(&sources, Format::Csv).contains(",false,"));
}

#[test]
fn nothing_measured_is_a_report() {
    let sources = [source("run.json", empty())];
    assert!(text(&sources, Format::Html).contains("nothing was measured"));
    assert!(text(&sources, Format::Svg).contains("No kernels were measured."));
    assert_eq!(fields(&text(&sources, Format::Csv)).len(), 1);
    assert!(text(&sources, Format::Markdown).contains("run.json"));
    assert!(!render(&sources, Format::Png).unwrap().is_empty());
}

#[test]
fn one_device_needs_no_letters_and_eight_have_theirs() {
    let page = |devices: usize| {
        let sources = [source("run.json", run(&DEVICES[..devices], &[1 << 20]))];
        let page = text(&sources, Format::Html);
        for (name, ..) in &DEVICES[..devices] {
            assert!(page.contains(name), "{name}");
        }
        page
    };
    assert!(!page(1).contains("<b>A</b>"));
    let eight = page(8);
    assert!(eight.contains("<b>A</b>") && eight.contains("<b>H</b>"));
}

#[test]
fn the_same_device_in_two_files_is_told_by_their_names() {
    let run = run(&DEVICES[..1], &[1 << 20]);
    let device = DEVICES[0].0;
    let sources = [
        source("old/before.json", run.clone()),
        source("new/after.json", run.clone()),
    ];
    for format in [Format::Html, Format::Svg, Format::Markdown] {
        let text = text(&sources, format).replace('\\', "");
        for name in ["before.json", "after.json"] {
            assert!(
                text.contains(&format!("{device}, {name}")),
                "{name} in {format:?}"
            );
        }
    }
    let sources = [
        source("old/run.json", run.clone()),
        source("new/run.json", run),
    ];
    let page = text(&sources, Format::Html);
    for name in ["old/run.json", "new/run.json"] {
        assert!(page.contains(&format!("{device}, {name}")), "{name}");
    }
}

#[test]
fn operations_without_a_choice_of_math_stand_beside_both_choices() {
    let with = |math: &str| Row {
        math: Some(math.to_owned()),
        ..timed(kernel("gelu"), 100.0, None)
    };
    let rows = vec![
        timed(kernel("relu"), 777.0, None),
        with("accurate"),
        with("native"),
    ];
    let page = text(&[source("run.json", with_rows(rows))], Format::Markdown);
    let relu = page
        .lines()
        .find(|line| line.starts_with("| ReLU"))
        .unwrap();
    let speed = page.matches("GB/s").count();
    assert!(speed > 0);
    assert_eq!(relu.matches(" GB/s").count(), 2, "{relu}");
    assert!(
        page.contains(&format!("{}, accurate", DEVICES[0].0)),
        "{page}"
    );
}

#[test]
fn charts_take_the_largest_size_that_all_did_well() {
    let sized = |device: usize, elements: u64, speed: f64| {
        timed(
            row(DEVICES[device].0, Kind::Kernel, "gelu", "forward", elements),
            speed,
            None,
        )
    };
    let too_large = row(DEVICES[1].0, Kind::Kernel, "gelu", "forward", 1 << 28);
    let rows = vec![
        sized(0, 1 << 10, 1.0),
        sized(0, 1 << 20, 200.0),
        sized(0, 1 << 28, 300.0),
        sized(1, 1 << 10, 1.0),
        sized(1, 1 << 20, 40.0),
        went(too_large, Status::Unsupported, "a binding of 1 GiB"),
    ];
    let sources = [source("run.json", with_rows(rows))];
    let picture = text(&sources, Format::Svg);
    assert!(picture.contains("inputs of 4 MiB"), "{picture}");
    let page = text(&sources, Format::Html);
    assert!(page.contains("a binding of 1 GiB") && page.contains("Across sizes"));
}

#[test]
fn operations_stand_in_the_catalogues_order_and_strangers_behind() {
    let rows = ["zeta", "alpha-dropout", "gelu", "sigmoid", "eta"];
    let rows = rows.map(|op| timed(kernel(op), 10.0, None)).to_vec();
    let page = text(&[source("run.json", with_rows(rows))], Format::Markdown);
    let kernels = page.split("## Kernels").nth(1).unwrap();
    let places = ["Sigmoid", "GELU", "Alpha dropout", "eta", "zeta"]
        .map(|title| kernels.find(&format!("| {title} |")).unwrap());
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn errors_are_the_largest_of_all_sizes() {
    let at = |elements, ulp| {
        accurate(
            row(DEVICES[0].0, Kind::Kernel, "gelu", "forward", elements),
            ulp,
        )
    };
    let rows = vec![at(1 << 10, 1.25), at(1 << 20, 3.5)];
    let sources = [source("run.json", with_rows(rows))];
    for format in [Format::Html, Format::Markdown] {
        let text = text(&sources, format);
        assert!(
            text.contains("3.50 ULP") && !text.contains("1.25 ULP"),
            "{format:?}"
        );
    }
}

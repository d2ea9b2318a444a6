//! `activations plot`: what is drawn lies where the function does, in each format.

use std::fs;

use roxmltree::{Document, Node};
use wgpu_activations::Activation;

use crate::sandbox::Sandbox;

fn draw(sandbox: &Sandbox, line: &str) -> String {
    let told = sandbox.run(line);
    assert_eq!(told.status, Some(0), "{}", told.stderr);
    assert!(
        told.stderr.ends_with(" written to p.svg\n"),
        "{}",
        told.stderr
    );
    fs::read_to_string(sandbox.path("p.svg")).unwrap()
}

/// Panels from left to right: for each the drawn lines, each as points.
fn lines(document: &Document<'_>) -> Vec<Vec<(f64, f64)>> {
    let is_line = |node: &Node<'_, '_>| {
        let class = node.attribute("class").unwrap_or_default();
        let d = node.attribute("d").unwrap_or_default();
        class.starts_with("line") && !d.contains('h')
    };
    let points = |node: Node<'_, '_>| {
        let d = node.attribute("d").unwrap();
        let pairs = d.split(['M', 'L']).filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| {
                let (x, y) = pair.split_once(' ').unwrap();
                (x.parse().unwrap(), y.parse().unwrap())
            })
            .collect()
    };
    document.descendants().filter(is_line).map(points).collect()
}

/// What the numbers along an axis say: pixels of a value, from two of its marks.
fn axis(document: &Document<'_>, class: &str, coordinate: &str) -> impl Fn(f64) -> f64 {
    let marks: Vec<(f64, f64)> = document
        .descendants()
        .filter(|node| {
            node.attribute("class")
                .is_some_and(|own| own.ends_with(class))
        })
        .filter_map(|node| {
            let value = node.text()?.parse().ok()?;
            Some((value, node.attribute(coordinate)?.parse().ok()?))
        })
        .collect();
    let ((a, at_a), (b, at_b)) = (marks[0], marks[marks.len() - 1]);
    move |value| at_a + (value - a) / (b - a) * (at_b - at_a)
}

#[test]
fn lines_lie_where_the_functions_do() {
    let sandbox = Sandbox::new();
    for op in ["gelu", "sigmoid", "mish", "leaky-relu(slope=0.2)"] {
        let svg = draw(
            &sandbox,
            &format!("plot \"{op}\" -o p.svg --range -4..3 --force"),
        );
        let document = Document::parse(&svg).unwrap();
        let x = axis(&document, "tick", "x");
        let y = axis(&document, "name", "y");
        let activation: Activation = op.parse().unwrap();
        let drawn = lines(&document);
        let points: Vec<_> = drawn.into_iter().flatten().collect();
        assert!((points[0].0 - x(-4.0)).abs() < 0.2, "{op}");
        assert!((points[points.len() - 1].0 - x(3.0)).abs() < 0.2, "{op}");
        for (px, py) in points {
            let at = -4.0 + (px - x(-4.0)) / (x(3.0) - x(-4.0)) * 7.0;
            // Text stands 4 pixels below its mark; a tenth of a pixel is what is written.
            let expected = y(activation.value(at)) - 4.0;
            assert!(
                (py - expected).abs() < 0.3,
                "{op} at {at}: {py}, not {expected}"
            );
        }
    }
}

#[test]
fn slopes_and_sweeps_have_lines_of_their_own() {
    let sandbox = Sandbox::new();
    let svg = draw(&sandbox, "plot swish --param beta=0,1,10 --slope -o p.svg");
    let document = Document::parse(&svg).unwrap();
    assert_eq!(lines(&document).len(), 6);
    for label in ["swish, beta = 0", "swish, beta = 1", "swish, beta = 10"] {
        assert!(
            document
                .descendants()
                .any(|node| node.text() == Some(label)),
            "{label}"
        );
    }
    // The kink of Dice moves with the mean.
    let svg = draw(
        &sandbox,
        "plot dice --param mean=-2,2 --slope -o p.svg --force",
    );
    let document = Document::parse(&svg).unwrap();
    let slopes = &lines(&document)[2..];
    let steepest = |points: &[(f64, f64)]| {
        let highest = points.iter().min_by(|a, b| a.1.total_cmp(&b.1));
        highest.unwrap().0
    };
    // Drawn from the last to the first.
    assert!(steepest(&slopes[1]) < steepest(&slopes[0]), "{slopes:?}");
}

#[test]
fn pictures_are_words_too() {
    let sandbox = Sandbox::new();
    let svg = draw(&sandbox, "plot relu -o p.svg --range -1..3");
    let document = Document::parse(&svg).unwrap();
    let label = document.root_element().attribute("aria-label").unwrap();
    assert_eq!(
        label,
        "ReLU. relu: f(-1) = 0; f(0) = 0; f(1) = 1; f(2) = 2; f(3) = 3"
    );
    // Inside Markdown an empty line would end it.
    assert!(!svg.contains("\n\n") && !svg.contains("script"));
}

#[test]
fn pages_and_pixels_are_written() {
    let sandbox = Sandbox::new();
    sandbox
        .run("plot gelu silu -o p.html --slope")
        .expect_note("2 curves written to p.html");
    let page = fs::read_to_string(sandbox.path("p.html")).unwrap();
    assert!(
        page.contains("<table>") && page.contains("0.8413"),
        "{page}"
    );
    // It fetches nothing.
    assert_eq!(
        page.matches("://").count(),
        page.matches("http://www.w3.org").count()
    );
    sandbox
        .run("plot gelu -o p.PNG")
        .expect_note("1 curve written to p.PNG");
    assert!(
        fs::read(sandbox.path("p.PNG"))
            .unwrap()
            .starts_with(b"\x89PNG")
    );
}

#[test]
fn what_cannot_be_drawn_is_refused_in_one_line() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("there.svg"), "mine").unwrap();
    let before = sandbox.files();
    for (line, status, said) in [
        ("plot gleu -o p.svg", 2, "did you mean `gelu`"),
        ("plot gelu -o p.pdf", 2, ".svg, .png, .html"),
        ("plot gelu -o there.svg", 1, "--force"),
        ("plot gelu -o no/p.svg", 1, "there is no folder no"),
        (
            "plot gelu --param beta=1 -o p.svg",
            2,
            "none of gelu has it",
        ),
        (
            "plot elu --param alpha=x -o p.svg",
            2,
            "`x` is not a finite number",
        ),
        (
            "plot softplus --param beta=0 -o p.svg",
            2,
            "must be a finite number > 0",
        ),
        (
            "plot dice --param variance=-1 -o p.svg",
            2,
            "variance is -1 but must be",
        ),
        (
            "plot dice --param epsilon=1 -o p.svg",
            2,
            "none of dice has it in its picture; they are drawn over mean, variance, alpha",
        ),
        (
            "plot softmax(axis=0) -o p.svg",
            2,
            "parameters are drawn by --param",
        ),
        ("plot gelu --range 2..1 -o p.svg", 2, "nothing to draw"),
        ("plot gelu --range a..b -o p.svg", 2, "FROM..TO"),
        ("plot relu --all -o p", 2, "cannot be used with"),
        (
            "plot swish --param beta=1,2,3,4,5,6,7,8,9 -o p.svg",
            2,
            "8 apart",
        ),
    ] {
        let outcome = sandbox.run(line);
        assert_eq!(outcome.status, Some(status), "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(said), "{line}: {}", outcome.stderr);
        assert_eq!(sandbox.files(), before, "{line}");
    }
}

#[test]
fn properties_are_told_with_the_parameter() {
    let sandbox = Sandbox::new();
    let all = sandbox
        .run("ops --properties --device cpu --json")
        .expect_json();
    let names: Vec<_> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].clone())
        .collect();
    assert_eq!(names.len(), Activation::all().count());
    assert!(all[0]["time_of_relu"].is_null());
    let one = sandbox
        .run("ops elu(alpha=0.5) --properties --device cpu --json")
        .expect_json();
    assert_eq!(one[0]["range"][0], -0.5);
    assert_eq!(one[0]["smooth"], "no");
    let table = sandbox.run("ops --properties --device cpu");
    assert!(
        table.stdout.contains("x < -4.58, x > 4.58"),
        "{}",
        table.stdout
    );
    let refused = sandbox.run("ops softmax --properties --device cpu");
    assert_eq!(refused.status, Some(2), "{}", refused.stderr);
}

//! A part of the page: rows of one kind, in charts and tables.

use maud::{Markup, html};

use super::{list, table};
use wgpu_activations::bench::record::Kind;

use crate::{
    draw::{palette, px},
    results::report::{
        chart::{self, Chart},
        number,
        quantity::Quantity,
        scale::Linear,
        sweep::{self, Axes},
        tables,
        view::{self, Panel, Sweep, View, block_title},
    },
};

pub(in super::super) struct Part {
    pub(in super::super) kind: Kind,
    /// Its place in the page's addresses.
    pub(super) id: &'static str,
    pub(in super::super) title: &'static str,
    about: &'static str,
    /// What is drawn of them.
    pub(in super::super) quantity: Quantity,
}

/// The parts, in the page's order.
pub(in super::super) const PARTS: [Part; 4] = [
    Part {
        kind: Kind::Kernel,
        id: "kernels",
        title: "Kernels",
        about: "Operations on tensors that are on the device already.",
        quantity: Quantity::Speed,
    },
    Part {
        kind: Kind::Baseline,
        id: "memory",
        title: "Memory alone",
        about: "Kernels that only move memory, launched as the operations are that are held against them.",
        quantity: Quantity::Speed,
    },
    Part {
        kind: Kind::Offload,
        id: "offload",
        title: "From host memory and back",
        about: "Data that begins and ends in the host's memory, copies included. Not to be compared \
                with kernels.",
        quantity: Quantity::Speed,
    },
    Part {
        kind: Kind::Launch,
        id: "launch",
        title: "Getting work to the device",
        about: "What it costs to have the device begin, whatever the work. Shorter is better. Not to be \
                compared with kernels.",
        quantity: Quantity::Time,
    },
];

/// The part, with its panels and what they leave out.
pub(super) fn section(view: &View<'_>, part: &Part, panels: &[Panel<'_>]) -> Markup {
    let sweeps = match part.kind {
        Kind::Launch => Vec::new(),
        kind => view.sweeps(kind),
    };
    html! {
        section id=(part.id) {
            h2 { (part.title) }
            p { (part.about) }
            (how_to_read(part.quantity, panels))
            @for (index, panel) in panels.iter().enumerate() {
                @let same_type = panels.iter().filter(|other| other.dtype == panel.dtype);
                @let id = format!("{}-{index}", part.id);
                (panel_of(view, part, panel, &same_type.collect::<Vec<_>>(), &id))
            }
            @if !sweeps.is_empty() { (over_sizes(view, part, &sweeps)) }
            details.every {
                summary { "Every row" }
                (table(&tables::every(view, part.kind)))
            }
        }
    }
}

fn how_to_read(quantity: Quantity, panels: &[Panel<'_>]) -> Markup {
    let samples = view::samples(panels);
    html! {
        p.soft-text {
            @if let Some(samples) = samples {
                "A bar or dot is the median of a row's samples (" (number::range(samples))
                " of them), each the time of one execution; the thin line runs from the 10th to the \
                 90th percentile (p10 to p90). "
            }
            @if quantity == Quantity::Speed {
                "GB/s counts the bytes that an operation must read and write. "
                @if panels.iter().any(|panel| has(panel, Quantity::Fraction)) {
                    "The fraction is over the speed of a baseline that only moves memory, timed in \
                     turn with the operation: at the dashed line, 1.0, only memory costs time. "
                }
            }
        }
    }
}

fn has(panel: &Panel<'_>, quantity: Quantity) -> bool {
    panel.rows().any(|row| quantity.of(row).is_some())
}

fn panel_of(
    view: &View<'_>,
    part: &Part,
    panel: &Panel<'_>,
    same_type: &[&Panel<'_>],
    id: &str,
) -> Markup {
    let groups = || same_type.iter().flat_map(|panel| &panel.groups);
    let mut quantities = vec![part.quantity];
    if part.quantity == Quantity::Speed && has(panel, Quantity::Fraction) {
        quantities.push(Quantity::Fraction);
    }
    let title = sized_title(panel);
    html! {
        h3 { (title) }
        (legend(view, &panel.present()))
        div.pair {
            @for quantity in quantities {
                @let scale = chart::scale(groups(), quantity);
                (figure(view, panel, quantity, scale, &format!("{id}-{}", quantity.id())))
            }
        }
        details {
            summary { "The numbers as a table: " (title) }
            (table(&tables::panel(view, panel, part.quantity, format!("{}: {title}", part.title))))
        }
    }
}

/// Element type, direction, and size where it is the same for all.
fn sized_title(panel: &Panel<'_>) -> String {
    let title = block_title(panel.dtype, panel.direction);
    match common_bytes(panel) {
        Some(bytes) if bytes > 0 => format!("{title}, inputs of {}", number::bytes(bytes)),
        _ => title,
    }
}

fn common_bytes(panel: &Panel<'_>) -> Option<u64> {
    view::common_bytes(std::slice::from_ref(panel))
}

fn figure(
    view: &View<'_>,
    panel: &Panel<'_>,
    quantity: Quantity,
    scale: Linear,
    id: &str,
) -> Markup {
    let names = panel.groups.iter().map(|group| group.label.clone());
    let names: Vec<_> = names.collect();
    let chart = Chart {
        groups: panel.groups.iter().map(Some).collect(),
        shown: panel.present(),
        contenders: &view.contenders,
        sized: common_bytes(panel).is_none(),
        quantity,
        scale,
    };
    let label = |&index: &usize| view.contenders[index].label.clone();
    let labels: Vec<_> = chart.shown.iter().map(label).collect();
    let labels = list(&labels, "nobody");
    let (axis, count) = (quantity.axis(), names.len());
    let about = format!("{axis} of {count} operations, {labels}. The table below has the numbers.");
    let drawing = html! { (chart.labels(&names)) (chart.plot()) };
    let title = format!("{}: {axis}", block_title(panel.dtype, panel.direction));
    html! {
        figure {
            figcaption { (quantity.caption()) }
            (svg("bars", id, &title, &about, (chart::LEFT, chart::RIGHT, chart.height()), &drawing))
        }
    }
}

/// A drawing that is as wide as the page allows, what lies left and right of its plot in paddings.
fn svg(
    class: &str,
    id: &str,
    title: &str,
    about: &str,
    (left, right, height): (f64, f64, f64),
    drawing: &Markup,
) -> Markup {
    html! {
        div.scroll {
            svg.chart.(class) role="img" aria-labelledby={ (id) "-title " (id) "-desc" }
                height=(px(height)) style={ "padding:0 " (right) "px 0 " (left) "px" } {
                title id={ (id) "-title" } { (title) }
                desc id={ (id) "-desc" } { (about) }
                (drawing)
            }
        }
    }
}

fn over_sizes(view: &View<'_>, part: &Part, sweeps: &[Sweep<'_>]) -> Markup {
    let everyone: Vec<_> = (0..view.contenders.len()).collect();
    let blocks = sweeps.chunk_by(|a, b| (a.dtype, a.direction) == (b.dtype, b.direction));
    html! {
        h3 { "Across sizes" }
        p.soft-text {
            "GB/s over the bytes of the input, both axes logarithmic and the same in all charts of a block; \
             dots are medians, thin lines p10 to p90. The table of every row has the numbers."
        }
        (legend(view, &everyone))
        @for (number, block) in blocks.enumerate() {
            @let axes = Axes::of(block);
            @let heading = block_title(block[0].dtype, block[0].direction);
            details open=[(number == 0).then_some("open")] {
                summary { (heading) ": GB/s over bytes" }
                div.many {
                    @for (index, sweep) in block.iter().enumerate() {
                        figure {
                            figcaption { (sweep.title) }
                            (svg(
                                "sweep",
                                &format!("{}-sweep-{number}-{index}", part.id),
                                &format!("{}, {}: GB/s over bytes", sweep.title, sweep.dtype),
                                "One line per contender. The table of every row has the numbers.",
                                (sweep::LEFT, sweep::RIGHT, sweep::HEIGHT),
                                &sweep::chart(sweep, axes, &view.contenders),
                            ))
                        }
                    }
                }
            }
        }
    }
}

fn legend(view: &View<'_>, shown: &[usize]) -> Markup {
    html! {
        ul.legend {
            @for &index in shown {
                @let contender = &view.contenders[index];
                li {
                    svg viewBox="0 0 12 12" aria-hidden="true" {
                        rect.(palette::class(index)) width="12" height="12" rx="2" {}
                    }
                    @if view.contenders.len() > 1 { b { (contender.letter) } " " }
                    span { (contender.label) }
                }
            }
        }
    }
}

//! The picture in a page that needs nothing beside it, with a table of values.

use maud::{Markup, html};

use super::{Plot, picture, scale::places};
use crate::draw::{self, number, palette};

/// Rows of the table.
const ROWS: usize = 13;

pub(super) fn page(plot: &Plot) -> Markup {
    let body = html! {
        main {
            h1 { (plot.title) }
            figure { (picture::svg(plot)) }
            div.scroll tabindex="0" role="region" aria-label="Values" { (table(plot)) }
        }
    };
    draw::page(&plot.title, &style(), &body)
}

fn table(plot: &Plot) -> Markup {
    html! {
        table {
            caption { "Values of the f64 reference" @if plot.slope { ", each with the slope below it" } }
            thead {
                tr {
                    th scope="col" { "x" }
                    @for curve in &plot.curves { th scope="col" { (curve.label) } }
                }
            }
            tbody {
                @for x in places(plot.range, ROWS) {
                    tr {
                        th scope="row" { (number(x)) }
                        @for curve in &plot.curves {
                            td {
                                (number((curve.value)(x)))
                                @if plot.slope { small { (number((curve.slope)(x))) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn style() -> String {
    format!(
        "{}@media (prefers-color-scheme:dark){{{}}}\
         body{{margin:0;background:var(--paper);color:var(--ink);\
         font:16px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"DejaVu Sans\",sans-serif}}\
         main{{max-width:920px;margin:0 auto;padding:16px}}h1{{font-size:1.5rem}}figure{{margin:0 0 24px}}\
         .scroll{{overflow-x:auto}}table{{border-collapse:collapse;font-variant-numeric:tabular-nums}}\
         caption{{text-align:left;color:var(--soft)}}\
         th,td{{text-align:left;padding:4px 18px 4px 0;border-bottom:1px solid var(--grid)}}\
         th{{white-space:nowrap}}td small{{display:block;color:var(--soft)}}",
        palette::LIGHT.variables(),
        palette::DARK.variables(),
    )
}

//! The colours: Okabe and Ito's, which colour-blind people tell apart, made lighter or darker until
//! they stand out 3 to 1 from the background.

/// The colours of one theme.
pub(crate) struct Theme {
    /// The background.
    pub(crate) paper: &'static str,
    /// The background of what stands apart.
    pub(crate) card: &'static str,
    pub(crate) ink: &'static str,
    /// Text that matters less, and axes.
    pub(crate) soft: &'static str,
    /// Lines that guide the eye.
    pub(crate) grid: &'static str,
    pub(crate) link: &'static str,
    /// What went wrong.
    pub(crate) bad: &'static str,
    /// What is told apart, in turn.
    pub(crate) series: [&'static str; 8],
}

/// For light surroundings.
pub(crate) const LIGHT: Theme = Theme {
    paper: "#ffffff",
    card: "#f5f6f8",
    ink: "#1a1f26",
    soft: "#56606d",
    grid: "#dde1e7",
    link: "#0b5cad",
    bad: "#b3261e",
    series: [
        "#0072b2", "#d55e00", "#009e73", "#c26396", "#b37a00", "#3093cc", "#8a7f00", "#55595f",
    ],
};

/// For dark surroundings.
pub(crate) const DARK: Theme = Theme {
    paper: "#11151b",
    card: "#1a2029",
    ink: "#e8ebef",
    soft: "#a3adb9",
    grid: "#303844",
    link: "#7ab8f5",
    bad: "#ff8a80",
    series: [
        "#3d9bdc", "#f2803a", "#1fbf92", "#e39bc4", "#e6a82a", "#86ccf5", "#efe35a", "#b9bfc7",
    ],
};

/// The class of a contender's or a curve's colour: `c0` to `c7`.
pub(crate) fn class(contender: usize) -> String {
    format!("c{}", contender % LIGHT.series.len())
}

impl Theme {
    /// The rules that colour charts, each behind `scope`: empty, or a selector and a blank.
    pub(crate) fn chart_rules(&self, scope: &str) -> String {
        let mut rules = String::new();
        for (class, property, colour) in [
            ("paper", "fill", self.paper),
            ("ink", "fill", self.ink),
            ("soft", "fill", self.soft),
            ("bad", "fill", self.bad),
            ("grid", "stroke", self.grid),
            ("rule", "stroke", self.soft),
            ("whisker", "stroke", self.ink),
        ] {
            rules += &format!("{scope}.{class}{{{property}:{colour}}}");
        }
        for (index, colour) in self.series.iter().enumerate() {
            rules += &format!(
                "{scope}.c{index}{{fill:{colour}}}{scope}.line.c{index}{{fill:none;stroke:{colour}}}"
            );
        }
        rules
    }

    /// The colours as variables, for the page around the charts.
    pub(crate) fn variables(&self) -> String {
        let colours = [
            ("paper", self.paper),
            ("card", self.card),
            ("ink", self.ink),
            ("soft", self.soft),
            ("grid", self.grid),
            ("link", self.link),
            ("bad", self.bad),
        ];
        let variables = colours.map(|(name, colour)| format!("--{name}:{colour}"));
        format!(":root{{{}}}", variables.join(";"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance of `#rrggbb`, as WCAG defines it.
    fn luminance(colour: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn colours_stand_out_as_wcag_aa_asks() {
        for theme in [LIGHT, DARK] {
            for background in [theme.paper, theme.card] {
                for text in [theme.ink, theme.soft, theme.link, theme.bad] {
                    let found = contrast(text, background);
                    assert!(found >= 4.5, "{text} on {background}: {found}");
                }
            }
            for colour in theme.series {
                let found = contrast(colour, theme.paper);
                assert!(found >= 3.0, "{colour} on {}: {found}", theme.paper);
            }
        }
    }
}
